// What a CUDA kernel finds without including anything. No heavy standard header: this file is
// compiled again with every kernel.
#pragma once

#define __CUDA_EMULATOR__ 1
#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 900
#endif

// Where the source is only looked through for kernels, their qualifiers remain.
#ifndef EMULATOR_SCAN

#include <stddef.h>
#include <stdint.h>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __managed__
// Thread-local storage is one block of memory, which the runtime finds, watches and refills; and
// `thread_local` is the only keyword that allows both `extern __shared__ T a[]` and a local array.
#define __shared__ thread_local
#define __grid_constant__
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))

// Always inlined, so that the access is made, and reported, in the kernel.
#define EMULATOR_INLINE inline __attribute__((always_inline))
// Hidden from the checks: what it reads and writes is no access of the kernel.
#define EMULATOR_UNCHECKED __attribute__((noinline, no_sanitize("thread", "undefined")))

#include "vectors.h"

// Constants to the compiler, since each thread sees one value of them all its life; the runtime
// changes them when it goes from one thread to another.
extern "C" {
extern const uint3 threadIdx, blockIdx, blockDim, gridDim;
void emulator_trap();
}
constexpr int warpSize = 32;

EMULATOR_INLINE void __trap() { emulator_trap(); }
EMULATOR_INLINE void __threadfence() {}
EMULATOR_INLINE void __threadfence_block() {}
EMULATOR_INLINE void __threadfence_system() {}

#include "arithmetic.h"
#include "atomics.h"
#include "bits.h"
#include "collectives.h"
#include "memory.h"

#endif
