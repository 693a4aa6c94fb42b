// exp, log and error-free sums, for float and double.
//
// There is no double arithmetic in code for float. Every fused multiplication is written out, and
// every product that goes into a sum: a compiler that fuses the two would spoil the errors of sums.
#pragma once

namespace softkern {

__device__ __forceinline__ float fused(float a, float b, float c) { return __fmaf_rn(a, b, c); }
__device__ __forceinline__ double fused(double a, double b, double c) { return __fma_rn(a, b, c); }
__device__ __forceinline__ float product(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ double product(double a, double b) { return __dmul_rn(a, b); }
__device__ __forceinline__ float larger(float a, float b) { return fmaxf(a, b); }
__device__ __forceinline__ double larger(double a, double b) { return fmax(a, b); }

template <typename A> struct Limits;
template <> struct Limits<float> {
  static __device__ __forceinline__ float infinity() { return __int_as_float(0x7f800000); }
  static __device__ __forceinline__ float nan() { return __int_as_float(0x7fffffff); }
};
template <> struct Limits<double> {
  static __device__ __forceinline__ double infinity() {
    return __longlong_as_double(0x7ff0000000000000LL);
  }
  static __device__ __forceinline__ double nan() {
    return __longlong_as_double(0x7fffffffffffffffLL);
  }
};

template <typename A> __device__ __forceinline__ bool is_infinite(A a) {
  return a == Limits<A>::infinity() || a == -Limits<A>::infinity();
}

// ---- unevaluated sums of two numbers ----

template <typename A> struct Pair {
  A high, low;
};

// a + b and its rounding error (Knuth).
template <typename A> __device__ __forceinline__ Pair<A> two_sum(A a, A b) {
  const A sum = a + b, t = sum - a;
  return {sum, (a - (sum - t)) + (b - t)};
}

template <typename A> __device__ __forceinline__ Pair<A> two_diff(A a, A b) {
  return two_sum(a, -b);
}

template <typename A> __device__ __forceinline__ Pair<A> add(Pair<A> a, Pair<A> b) {
  const Pair<A> sum = two_sum(a.high, b.high);
  return {sum.high, sum.low + (a.low + b.low)};
}

template <typename A> __device__ __forceinline__ Pair<A> add(Pair<A> a, A b) {
  const Pair<A> sum = two_sum(a.high, b);
  return {sum.high, sum.low + a.low};
}

template <typename A> __device__ __forceinline__ Pair<A> times(Pair<A> a, Pair<A> b) {
  const A high = product(a.high, b.high);
  const A error = fused(a.high, b.high, -high);
  return {high, error + fused(a.high, b.low, a.low * b.high)};
}

template <typename A> __device__ __forceinline__ Pair<A> reciprocal(Pair<A> a) {
  const A r = A(1) / a.high;
  const A rest = fused(-a.high, r, A(1)) - product(a.low, r);
  return {r, rest * r};
}

// ---- exp and log ----

// (exp(r) - 1 - r) / r**2 for |r| <= log(2)/2: minimax fits of relative error.
__device__ __forceinline__ float exp_tail(float r) {
  float p = 0.0013814540579915047f;
  p = fused(p, r, 0.00836874544620514f);
  p = fused(p, r, 0.04166838899254799f);
  p = fused(p, r, 0.1666652113199234f);
  return fused(p, r, 0.4999999403953552f);
}

__device__ __forceinline__ double exp_tail(double r) {
  double p = 2.500002123942015e-08;
  p = fused(p, r, 2.76303060595026e-07);
  p = fused(p, r, 2.755758679792906e-06);
  p = fused(p, r, 2.480149295022626e-05);
  p = fused(p, r, 0.0001984126950577846);
  p = fused(p, r, 0.0013888888943759305);
  p = fused(p, r, 0.008333333333494976);
  p = fused(p, r, 0.04166666666652973);
  p = fused(p, r, 0.1666666666666641);
  return fused(p, r, 0.5000000000000011);
}

template <typename A> struct ExpConstants;
template <> struct ExpConstants<float> {
  static constexpr float LOG2E = 1.44269502162933349609375f;
  static constexpr float LN2 = 0.693147182464599609375f, LN2_ERROR = -1.9046542121259336e-09f;
  static constexpr float SHIFT = 12583039.0f;  // 1.5 * 2**23 + 127
  static constexpr float LOWEST = -87.33654f;  // smaller results are subnormal: flushed to zero
  static constexpr float SCALE = 1.0f;
  static __device__ __forceinline__ float power(float shifted) {
    return __uint_as_float(__float_as_uint(shifted) << 23);
  }
};
template <> struct ExpConstants<double> {
  static constexpr double LOG2E = 1.4426950408889634;
  static constexpr double LN2 = 0.6931471805599453, LN2_ERROR = 2.3190468138462996e-17;
  static constexpr double SHIFT = 6755399441056831.0;  // 1.5 * 2**52 + 1023 + 64
  static constexpr double LOWEST = -745.2;
  static constexpr double SCALE = 0x1p-64;
  static __device__ __forceinline__ double power(double shifted) {
    const unsigned long long bits = __double_as_longlong(shifted);
    return __longlong_as_double(static_cast<long long>(bits << 52));
  }
};

// exp(x) = (1 + (high + tail)) * power * SCALE, after Cody and Waite; x <= 0.
template <typename A> struct ExpParts {
  A high, tail, power;
  __device__ __forceinline__ explicit ExpParts(Pair<A> x) {
    using C = ExpConstants<A>;
    const A shifted = fused(x.high, A(C::LOG2E), A(C::SHIFT));
    const A k = shifted - C::SHIFT;
    high = fused(k, -A(C::LN2), x.high);
    const A low = fused(k, -A(C::LN2_ERROR), x.low);
    const A r = high + low;
    tail = fused(r * r, exp_tail(r), low);
    power = C::power(shifted);
  }
};

// exp(x) for x <= 0, within 0.9 units in the last place; NaN stays NaN.
template <typename A> __device__ __forceinline__ A exp(Pair<A> x) {
  using C = ExpConstants<A>;
  const ExpParts<A> parts(x);
  const A e = product((A(1) + (parts.high + parts.tail)) * C::SCALE, parts.power);
  return x.high < C::LOWEST ? A(0) : e;
}

template <typename A> __device__ __forceinline__ A exp(A x) { return exp(Pair<A>{x, A(0)}); }

// The same with its rounding error.
template <typename A> __device__ __forceinline__ Pair<A> exp_pair(Pair<A> x) {
  using C = ExpConstants<A>;
  const ExpParts<A> parts(x);
  const A rounded = A(1) + parts.high;
  const A tail = (parts.high - (rounded - A(1))) + parts.tail;
  const A p = rounded + tail, power = parts.power * C::SCALE;
  const bool too_low = x.high < C::LOWEST;
  const A high = product(p, power), low = product(tail - (p - rounded), power);
  return {too_low ? A(0) : high, too_low ? A(0) : low};
}

// ((log(1 + s) - log(1 - s)) / s - 2) / s**2 in z = s**2: fdlibm's coefficients.
__device__ __forceinline__ float log_tail(float z) {
  float p = 0.24279078841f;
  p = fused(p, z, 0.28498786688f);
  p = fused(p, z, 0.40000972152f);
  return fused(p, z, 0.66666662693f);
}

__device__ __forceinline__ double log_tail(double z) {
  double p = 1.479819860511658591e-01;
  p = fused(p, z, 1.531383769920937332e-01);
  p = fused(p, z, 1.818357216161805012e-01);
  p = fused(p, z, 2.222219843214978396e-01);
  p = fused(p, z, 2.857142874366239149e-01);
  p = fused(p, z, 3.999999999940941908e-01);
  return fused(p, z, 6.666666666666735130e-01);
}

// The exponent k and the fraction f of a = f 2**k, f from sqrt(1/2) to sqrt(2).
__device__ __forceinline__ int split_exponent(float a, float& f) {
  const int bits = __float_as_int(a), k = (bits - 0x3f3504f3) >> 23;
  f = __int_as_float(bits - k * (1 << 23));
  return k;
}

__device__ __forceinline__ int split_exponent(double a, double& f) {
  const long long bits = __double_as_longlong(a);
  const int k = static_cast<int>((bits - 0x3fe6a09e667f3bcdLL) >> 52);
  f = __longlong_as_double(bits - k * (1LL << 52));
  return k;
}

template <typename A> struct LogConstants;
template <> struct LogConstants<float> {
  static constexpr float LN2_FIRST = 6.9313812256e-01f, LN2_LAST = 9.0580006145e-06f;
};
template <> struct LogConstants<double> {
  static constexpr double LN2_FIRST =
      6.93147180369123816490e-01;  // few bits: k * LN2_FIRST is exact
  static constexpr double LN2_LAST = 1.90821492927058770002e-10;
};

// log(1 + s) with its rounding error, for s >= 0; after fdlibm.
template <typename A> __device__ __forceinline__ Pair<A> log_of_one_plus(Pair<A> s) {
  using C = LogConstants<A>;
  const Pair<A> u = add(s, A(1));
  A f;
  const A k = A(split_exponent(u.high, f));
  f -= A(1);
  const A ratio = f / (f + A(2)), square = ratio * ratio, half = product(A(0.5) * f, f);
  const A low = fused(k, A(C::LN2_LAST), u.low / u.high) - fused(A(0.5) * f, f, -half);
  const A rest = half - fused(ratio, fused(square, log_tail(square), half), low);
  const Pair<A> fraction = two_diff(f, rest);
  const Pair<A> sum = two_sum(product(k, C::LN2_FIRST), fraction.high);
  return {sum.high, sum.low + fraction.low};
}

// ---- the temperature ----

template <typename A> struct Temperature {
  A t, error, inverse;
  bool limit;  // 0 or infinite, or as good as that: there is no remainder to carry

  Temperature() = default;
  __device__ __forceinline__ explicit Temperature(A t_, A error_ = A(0))
      : t(t_ >= A(0) ? t_ : Limits<A>::nan()), error(error_), inverse(A(1) / t) {
    limit = is_infinite(t) || is_infinite(inverse);
  }

  // d/t, where 0/0 is 0 and inf/inf is inf.
  __device__ __forceinline__ Pair<A> divide(Pair<A> d) const {
    if (d.high == A(0) || is_infinite(d.high)) return {d.high, A(0)};
    const A quotient = d.high * inverse;
    if (limit) return {quotient, A(0)};
    const A rest = fused(-quotient, t, d.high) + (d.low - product(quotient, error));
    return {quotient, rest * inverse};
  }
  __device__ __forceinline__ A divide(A d) const { return divide(Pair<A>{d, A(0)}).high; }

  // NaN where t is no temperature.
  __device__ __forceinline__ A checked(A a) const { return t == t ? a : t; }

  // a t, where 0 inf is 0 and inf 0 is inf.
  __device__ __forceinline__ Pair<A> multiply(Pair<A> a) const {
    if (a.high == A(0) || is_infinite(a.high)) return a;
    if (is_infinite(t)) return {a.high * t, A(0)};
    return times(a, Pair<A>{t, error});
  }
};

template <typename A> struct Unit {  // t = 1
  __device__ __forceinline__ A checked(A a) const { return a; }
  __device__ __forceinline__ Pair<A> divide(Pair<A> d) const { return d; }
  __device__ __forceinline__ A divide(A d) const { return d; }
  __device__ __forceinline__ Pair<A> multiply(Pair<A> a) const { return a; }
};

}  // namespace softkern
