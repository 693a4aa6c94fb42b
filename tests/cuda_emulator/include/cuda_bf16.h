// bfloat16: kept as bits, computed in float, rounded to the nearest even after each operation.
#pragma once
#include "builtins.h"

struct __nv_bfloat16;
EMULATOR_INLINE float __bfloat162float(__nv_bfloat16);
EMULATOR_INLINE __nv_bfloat16 __float2bfloat16_rn(float);

struct alignas(2) __nv_bfloat16 {
  unsigned short __x;
  __nv_bfloat16() = default;
  __nv_bfloat16(float x);
  __nv_bfloat16(double x) : __nv_bfloat16((float)x) {}
  __nv_bfloat16(int x) : __nv_bfloat16((float)x) {}
  operator float() const;
};

EMULATOR_INLINE float __bfloat162float(__nv_bfloat16 h) {
  return __uint_as_float((unsigned)h.__x << 16);
}

EMULATOR_INLINE __nv_bfloat16 __float2bfloat16_rn(float x) {
  const unsigned bits = __float_as_uint(x);
  __nv_bfloat16 h;
  h.__x = (unsigned short)(isnan(x) ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
  return h;
}

EMULATOR_INLINE __nv_bfloat16::__nv_bfloat16(float x) { *this = __float2bfloat16_rn(x); }
EMULATOR_INLINE __nv_bfloat16::operator float() const { return __bfloat162float(*this); }
EMULATOR_INLINE __nv_bfloat16 __float2bfloat16(float x) { return __float2bfloat16_rn(x); }
EMULATOR_INLINE unsigned short __bfloat16_as_ushort(__nv_bfloat16 h) { return h.__x; }
EMULATOR_INLINE __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
  __nv_bfloat16 h;
  h.__x = bits;
  return h;
}

EMULATOR_INLINE __nv_bfloat16 operator+(__nv_bfloat16 a, __nv_bfloat16 b) {
  return (float)a + (float)b;
}
EMULATOR_INLINE __nv_bfloat16 operator-(__nv_bfloat16 a, __nv_bfloat16 b) {
  return (float)a - (float)b;
}
EMULATOR_INLINE __nv_bfloat16 operator*(__nv_bfloat16 a, __nv_bfloat16 b) {
  return (float)a * (float)b;
}
EMULATOR_INLINE __nv_bfloat16 operator/(__nv_bfloat16 a, __nv_bfloat16 b) {
  return (float)a / (float)b;
}
EMULATOR_INLINE __nv_bfloat16 operator-(__nv_bfloat16 a) {
  return __ushort_as_bfloat16(a.__x ^ 0x8000);
}

struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};

EMULATOR_INLINE __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) {
  return {x, y};
}
EMULATOR_INLINE __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return {__float2bfloat16_rn(x), __float2bfloat16_rn(y)};
}
EMULATOR_INLINE __nv_bfloat162 __float22bfloat162_rn(float2 v) {
  return __floats2bfloat162_rn(v.x, v.y);
}
EMULATOR_INLINE float2 __bfloat1622float2(__nv_bfloat162 v) {
  return {__bfloat162float(v.x), __bfloat162float(v.y)};
}
EMULATOR_INLINE float __low2float(__nv_bfloat162 v) { return __bfloat162float(v.x); }
EMULATOR_INLINE float __high2float(__nv_bfloat162 v) { return __bfloat162float(v.y); }
