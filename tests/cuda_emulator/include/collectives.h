// Barriers, shuffles, votes and reductions of a warp.
#pragma once
#include "builtins.h"
#include "operations.h"

extern "C" {
int emulator_barrier(int operation, int predicate, unsigned line);
uint64_t emulator_warp(int operation, unsigned mask, uint64_t value, int argument, int width);
}

// The line is passed, not found from the address: a compiler may make two calls out of one.
EMULATOR_INLINE void __syncthreads(unsigned line = __builtin_LINE()) {
  emulator_barrier(EMULATOR_BARRIER, 0, line);
}
EMULATOR_INLINE int __syncthreads_count(int p, unsigned line = __builtin_LINE()) {
  return emulator_barrier(EMULATOR_BARRIER_COUNT, p, line);
}
EMULATOR_INLINE int __syncthreads_and(int p, unsigned line = __builtin_LINE()) {
  return emulator_barrier(EMULATOR_BARRIER_AND, p, line);
}
EMULATOR_INLINE int __syncthreads_or(int p, unsigned line = __builtin_LINE()) {
  return emulator_barrier(EMULATOR_BARRIER_OR, p, line);
}
EMULATOR_INLINE void __syncwarp(unsigned mask = 0xffffffffu) {
  emulator_warp(EMULATOR_SYNCWARP, mask, 0, 0, 0);
}

template <class T>
EMULATOR_INLINE T emulator_shuffle(int operation, unsigned mask, T value, int argument, int width) {
  static_assert(sizeof(T) <= 8, "a shuffle takes up to eight bytes");
  uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof value);
  bits = emulator_warp(operation, mask, bits, argument, width);
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T> EMULATOR_INLINE T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
  return emulator_shuffle(EMULATOR_SHUFFLE, mask, value, lane, width);
}
template <class T>
EMULATOR_INLINE T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  return emulator_shuffle(EMULATOR_SHUFFLE_UP, mask, value, (int)delta, width);
}
template <class T>
EMULATOR_INLINE T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  return emulator_shuffle(EMULATOR_SHUFFLE_DOWN, mask, value, (int)delta, width);
}
template <class T>
EMULATOR_INLINE T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
  return emulator_shuffle(EMULATOR_SHUFFLE_XOR, mask, value, lanes, width);
}

EMULATOR_INLINE unsigned __ballot_sync(unsigned mask, int p) {
  return (unsigned)emulator_warp(EMULATOR_BALLOT, mask, p != 0, 0, 0);
}
EMULATOR_INLINE int __any_sync(unsigned mask, int p) {
  return (int)emulator_warp(EMULATOR_ANY, mask, p != 0, 0, 0);
}
EMULATOR_INLINE int __all_sync(unsigned mask, int p) {
  return (int)emulator_warp(EMULATOR_ALL, mask, p != 0, 0, 0);
}

#define EMULATOR_REDUCTION(NAME, T, OPERATION)                       \
  EMULATOR_INLINE T __reduce_##NAME##_sync(unsigned mask, T value) { \
    return (T)emulator_warp(OPERATION, mask, (unsigned)value, 0, 0); \
  }
EMULATOR_REDUCTION(add, int, EMULATOR_ADD)
EMULATOR_REDUCTION(add, unsigned, EMULATOR_ADD)
EMULATOR_REDUCTION(min, int, EMULATOR_MIN)
EMULATOR_REDUCTION(min, unsigned, EMULATOR_UNSIGNED_MIN)
EMULATOR_REDUCTION(max, int, EMULATOR_MAX)
EMULATOR_REDUCTION(max, unsigned, EMULATOR_UNSIGNED_MAX)
EMULATOR_REDUCTION(and, unsigned, EMULATOR_AND)
EMULATOR_REDUCTION(or, unsigned, EMULATOR_OR)
EMULATOR_REDUCTION(xor, unsigned, EMULATOR_XOR)
