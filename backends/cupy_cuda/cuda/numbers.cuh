// The numbers that arrays hold, and the float or double they are computed in.
#pragma once
#include <cuda_fp16.h>

namespace softkern {

struct bfloat16 {  // the upper half of a float
  unsigned short bits;
};

template <typename T> struct Number {  // float, double
  using Computed = T;
  static __device__ __forceinline__ T read(T a) { return a; }
  static __device__ __forceinline__ T write(T a) { return a; }
};

template <> struct Number<__half> {
  using Computed = float;
  static __device__ __forceinline__ float read(__half a) { return __half2float(a); }
  static __device__ __forceinline__ __half write(float a) { return __float2half_rn(a); }
};

template <> struct Number<bfloat16> {
  using Computed = float;
  static __device__ __forceinline__ float read(bfloat16 a) {
    return __uint_as_float(static_cast<unsigned>(a.bits) << 16);
  }
  static __device__ __forceinline__ bfloat16 write(float a) {  // to nearest, ties to even
    const unsigned bits = __float_as_uint(a), odd = bits >> 16 & 1u;
    const unsigned rounded = a == a ? (bits + 0x7fffu + odd) >> 16 : 0x7fffu;
    return {static_cast<unsigned short>(rounded)};
  }
};

template <typename T> using Computed = typename Number<T>::Computed;

// Where a row's numbers are: the array as (outer, n, inner), by steps in numbers.
struct Steps {
  long long outer, axis, inner;
};

// Sixteen bytes of an array.
template <typename T> union Chunk {
  static constexpr int SIZE = 16 / sizeof(T);
  uint4 words;
  T numbers[SIZE];

  __device__ __forceinline__ Chunk() : words{} {}
  __device__ __forceinline__ Computed<T> get(int k) const { return Number<T>::read(numbers[k]); }
  __device__ __forceinline__ void set(int k, Computed<T> a) { numbers[k] = Number<T>::write(a); }
};

// Bytes `offset` to offset + 16 of two chunks that lie behind each other; offset is below 16, and a
// multiple of the numbers' size.
template <typename T>
__device__ __forceinline__ Chunk<T> middle(Chunk<T> first, Chunk<T> second, unsigned offset) {
  unsigned w[8] = {first.words.x,  first.words.y,  first.words.z,  first.words.w,
                   second.words.x, second.words.y, second.words.z, second.words.w};
  if (offset & 8u) {
#pragma unroll
    for (int k = 0; k < 6; ++k) w[k] = w[k + 2];
  }
  if (offset & 4u) {
#pragma unroll
    for (int k = 0; k < 5; ++k) w[k] = w[k + 1];
  }
  const unsigned bits = sizeof(T) == 2 ? (offset & 2u) * 8u : 0u;
  Chunk<T> result;
  result.words.x = __funnelshift_r(w[0], w[1], bits);
  result.words.y = __funnelshift_r(w[1], w[2], bits);
  result.words.z = __funnelshift_r(w[2], w[3], bits);
  result.words.w = __funnelshift_r(w[3], w[4], bits);
  return result;
}

template <typename T> __device__ __forceinline__ unsigned misalignment(const T* p) {
  return static_cast<unsigned>(reinterpret_cast<unsigned long long>(p) & 15u);
}

template <typename T> __device__ __forceinline__ Chunk<T> read_chunk(const T* p) {
  Chunk<T> chunk;
  chunk.words = *reinterpret_cast<const uint4*>(p);
  return chunk;
}

template <typename T> __device__ __forceinline__ void write_chunk(T* p, Chunk<T> chunk) {
  *reinterpret_cast<uint4*>(p) = chunk.words;
}

}  // namespace softkern
