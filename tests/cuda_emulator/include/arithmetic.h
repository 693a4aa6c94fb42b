// Mathematics: the C library's functions, their overloads, and CUDA's intrinsics.
#pragma once
#include "builtins.h"

#define EMULATOR_UNARY(NAME)                \
  extern "C" double NAME(double) noexcept;  \
  extern "C" float NAME##f(float) noexcept; \
  EMULATOR_INLINE float NAME(float x) { return NAME##f(x); }
#define EMULATOR_BINARY(NAME)                      \
  extern "C" double NAME(double, double) noexcept; \
  extern "C" float NAME##f(float, float) noexcept; \
  EMULATOR_INLINE float NAME(float x, float y) { return NAME##f(x, y); }

EMULATOR_UNARY(exp)
EMULATOR_UNARY(exp2)
EMULATOR_UNARY(expm1)
EMULATOR_UNARY(exp10)
EMULATOR_UNARY(log)
EMULATOR_UNARY(log2)
EMULATOR_UNARY(log10)
EMULATOR_UNARY(log1p)
EMULATOR_UNARY(sqrt)
EMULATOR_UNARY(cbrt)
EMULATOR_UNARY(fabs)
EMULATOR_UNARY(sin)
EMULATOR_UNARY(cos)
EMULATOR_UNARY(tan)
EMULATOR_UNARY(tanh)
EMULATOR_UNARY(erf)
EMULATOR_UNARY(erfc)
EMULATOR_UNARY(rint)
EMULATOR_UNARY(round)
EMULATOR_UNARY(trunc)
EMULATOR_UNARY(floor)
EMULATOR_UNARY(ceil)
EMULATOR_UNARY(nearbyint)
EMULATOR_BINARY(fmax)
EMULATOR_BINARY(fmin)
EMULATOR_BINARY(fmod)
EMULATOR_BINARY(pow)
EMULATOR_BINARY(copysign)
EMULATOR_BINARY(hypot)

extern "C" {
double fma(double, double, double) noexcept;
float fmaf(float, float, float) noexcept;
double ldexp(double, int) noexcept;
float ldexpf(float, int) noexcept;
double scalbn(double, int) noexcept;
float scalbnf(float, int) noexcept;
int abs(int) noexcept;
}
EMULATOR_INLINE float fma(float x, float y, float z) { return fmaf(x, y, z); }
EMULATOR_INLINE float ldexp(float x, int n) { return ldexpf(x, n); }
EMULATOR_INLINE float abs(float x) { return fabsf(x); }
EMULATOR_INLINE double abs(double x) { return fabs(x); }
EMULATOR_INLINE long long abs(long long x) { return x < 0 ? -x : x; }
EMULATOR_INLINE float rsqrtf(float x) { return 1.0f / sqrtf(x); }
EMULATOR_INLINE double rsqrt(double x) { return 1.0 / sqrt(x); }

template <class T> EMULATOR_INLINE bool isnan(T x) { return __builtin_isnan(x); }
template <class T> EMULATOR_INLINE bool isinf(T x) { return __builtin_isinf(x); }
template <class T> EMULATOR_INLINE bool isfinite(T x) { return __builtin_isfinite(x); }
template <class T> EMULATOR_INLINE bool signbit(T x) { return __builtin_signbit(x); }

template <class A, class B> constexpr auto min(A a, B b) {
  using T = decltype(a + b);
  return (T)b < (T)a ? (T)b : (T)a;
}
template <class A, class B> constexpr auto max(A a, B b) {
  using T = decltype(a + b);
  return (T)a < (T)b ? (T)b : (T)a;
}
EMULATOR_INLINE float min(float a, float b) { return fminf(a, b); }
EMULATOR_INLINE float max(float a, float b) { return fmaxf(a, b); }
EMULATOR_INLINE double min(double a, double b) { return fmin(a, b); }
EMULATOR_INLINE double max(double a, double b) { return fmax(a, b); }

EMULATOR_INLINE float __fadd_rn(float x, float y) { return x + y; }
EMULATOR_INLINE float __fsub_rn(float x, float y) { return x - y; }
EMULATOR_INLINE float __fmul_rn(float x, float y) { return x * y; }
EMULATOR_INLINE float __fdiv_rn(float x, float y) { return x / y; }
EMULATOR_INLINE float __frcp_rn(float x) { return 1.0f / x; }
EMULATOR_INLINE float __fsqrt_rn(float x) { return sqrtf(x); }
EMULATOR_INLINE float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
EMULATOR_INLINE double __dadd_rn(double x, double y) { return x + y; }
EMULATOR_INLINE double __dsub_rn(double x, double y) { return x - y; }
EMULATOR_INLINE double __dmul_rn(double x, double y) { return x * y; }
EMULATOR_INLINE double __ddiv_rn(double x, double y) { return x / y; }
EMULATOR_INLINE double __drcp_rn(double x) { return 1.0 / x; }
EMULATOR_INLINE double __dsqrt_rn(double x) { return sqrt(x); }
EMULATOR_INLINE double __fma_rn(double x, double y, double z) { return fma(x, y, z); }

EMULATOR_INLINE int __float2int_rn(float x) { return (int)rintf(x); }
EMULATOR_INLINE int __float2int_rz(float x) { return (int)x; }
EMULATOR_INLINE int __double2int_rn(double x) { return (int)rint(x); }
EMULATOR_INLINE float __int2float_rn(int x) { return (float)x; }
EMULATOR_INLINE double __int2double_rn(int x) { return x; }
EMULATOR_INLINE float __double2float_rn(double x) { return (float)x; }

// The fast ones are as accurate as the product or the C library; a GPU's are less so. C libraries
// have reserved names of their own for some, hence the macros.
EMULATOR_INLINE float emulator_fast_exp(float x) { return exp2f(x * 1.4426950408889634f); }
#define __expf emulator_fast_exp
#define __exp10f exp10f
#define __logf logf
#define __log2f log2f
#define __log10f log10f
#define __powf powf
EMULATOR_INLINE float __fdividef(float x, float y) { return x / y; }
EMULATOR_INLINE float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
EMULATOR_INLINE float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }
