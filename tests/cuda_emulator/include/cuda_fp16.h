// float16: kept as bits, computed in float, rounded to the nearest even after each operation.
#pragma once
#include "builtins.h"

struct __half;
EMULATOR_INLINE float __half2float(__half);
EMULATOR_INLINE __half __float2half_rn(float);

struct alignas(2) __half {
  unsigned short __x;
  __half() = default;
  __half(float x);
  __half(double x) : __half((float)x) {}
  __half(int x) : __half((float)x) {}
  operator float() const;
};

EMULATOR_INLINE float __half2float(__half h) {
  const unsigned sign = (h.__x & 0x8000u) << 16, exponent = h.__x >> 10 & 31, bits = h.__x & 1023;
  if (exponent == 31) return __uint_as_float(sign | 0x7f800000u | bits << 13);
  if (exponent) return __uint_as_float(sign | (exponent + 112) << 23 | bits << 13);
  const float size = (float)bits * 0x1p-24f;
  return sign ? -size : size;
}

EMULATOR_INLINE __half __float2half_rn(float x) {
  const unsigned all = __float_as_uint(x), size = all & 0x7fffffffu;
  unsigned sign = all >> 16 & 0x8000u, bits;
  if (size > 0x7f800000u) {
    bits = 0x7fff;
    sign = 0;
  } else if (size >= 0x477ff000u) {
    bits = 0x7c00;
  } else if (size < 0x38800000u) {  // subnormal: adding 1/2 rounds at the last bit, 2**-24
    bits = __float_as_uint(__uint_as_float(size) + 0.5f) - 0x3f000000u;
  } else {
    bits = (size - 0x38000000u + 0xfffu + (size >> 13 & 1)) >> 13;
  }
  __half h;
  h.__x = (unsigned short)(sign | bits);
  return h;
}

EMULATOR_INLINE __half::__half(float x) { *this = __float2half_rn(x); }
EMULATOR_INLINE __half::operator float() const { return __half2float(*this); }
EMULATOR_INLINE __half __float2half(float x) { return __float2half_rn(x); }
// By way of float, with its last bit sticky: else the two roundings would not make one.
EMULATOR_INLINE __half __double2half(double x) {
  float f = (float)x;
  if (isfinite(f) && (double)f != x) {
    const bool beyond = fabs((double)f) > fabs(x);
    f = __uint_as_float((__float_as_uint(f) - beyond) | 1u);
  }
  return __float2half_rn(f);
}
EMULATOR_INLINE unsigned short __half_as_ushort(__half h) { return h.__x; }
EMULATOR_INLINE __half __ushort_as_half(unsigned short bits) {
  __half h;
  h.__x = bits;
  return h;
}

EMULATOR_INLINE __half operator+(__half a, __half b) { return (float)a + (float)b; }
EMULATOR_INLINE __half operator-(__half a, __half b) { return (float)a - (float)b; }
EMULATOR_INLINE __half operator*(__half a, __half b) { return (float)a * (float)b; }
EMULATOR_INLINE __half operator/(__half a, __half b) { return (float)a / (float)b; }
EMULATOR_INLINE __half operator-(__half a) { return __ushort_as_half(a.__x ^ 0x8000); }

struct alignas(4) __half2 {
  __half x, y;
};
typedef __half half;
typedef __half2 half2;

EMULATOR_INLINE __half2 __halves2half2(__half x, __half y) { return {x, y}; }
EMULATOR_INLINE __half2 __floats2half2_rn(float x, float y) {
  return {__float2half_rn(x), __float2half_rn(y)};
}
EMULATOR_INLINE __half2 __float22half2_rn(float2 v) { return __floats2half2_rn(v.x, v.y); }
EMULATOR_INLINE float2 __half22float2(__half2 v) { return {__half2float(v.x), __half2float(v.y)}; }
EMULATOR_INLINE float __low2float(__half2 v) { return __half2float(v.x); }
EMULATOR_INLINE float __high2float(__half2 v) { return __half2float(v.y); }
