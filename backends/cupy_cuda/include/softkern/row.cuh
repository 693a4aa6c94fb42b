// A thread's numbers of a row as sums, and what the sums of a whole row make of an entry.
#pragma once
#include "softkern/state.cuh"

namespace softkern {

// e = exp((x - m)/t), in float32 and float64 with the rounding error of x - m put back. T is what
// memory holds: numbers of sixteen bits are content with less.
template <typename T, typename A, typename Temper>
__device__ __forceinline__ A weight(A x, A m, const Temper& t) {
  if constexpr (sizeof(T) == 2) {
    return exp2f(t.divide(x - m) * ExpConstants<float>::LOG2E);
  } else {
    return exp(t.divide(two_diff(x, m)));
  }
}

// The sums over the numbers of one thread. Where it KEEPS them, weights take the place of entries.
template <typename T, Sums SUMS, bool KEEP, typename Numbers, typename Temper>
__device__ __forceinline__ auto sums_of(Numbers& x, const Numbers& v, const Temper& t) {
  using A = decltype(x.get(0));
  State<A, SUMS> a;
#pragma unroll
  for (int i = 0; i < x.count(); ++i) {
    const A xi = x.get(i);
    if (SUMS == MEAN || SUMS == GIVEN) a.p = xi > a.m ? v.get(i) : a.p;
    a.m = larger(a.m, xi);
  }
  A maxima(0);
  Pair<A> rest = {A(0), A(0)}, total = rest;
#pragma unroll
  for (int c = 0; c < x.count(); c += Numbers::GROUP) {
    A sum(0), dot(0), labels(0);
#pragma unroll
    for (int i = c; i < c + Numbers::GROUP; ++i) {
      if (i >= x.count()) break;
      const A xi = x.get(i), vi = SUMS == VALUE ? A(0) : v.get(i);
      const bool largest = xi == a.m;
      if (SUMS == GIVEN) {
        sum += xi;
        dot = fused(xi, vi - a.p, dot);
        continue;
      }
      if (SUMS == COST) {
        labels += vi;
        dot = largest || vi == A(0) ? dot : fused(vi, a.m - xi, dot);
      }
      const A e = largest ? A(1) : weight<T>(xi, a.m, t);
      if constexpr (KEEP) x.set(i, e);
      maxima += largest ? A(1) : A(0);
      sum += largest ? A(0) : e;
      if (SUMS == MEAN) dot = fused(e, vi - a.p, dot);
      if (SUMS == PLAIN) {
        a.p += largest ? vi : A(0);
        dot += largest ? A(0) : vi;
      }
    }
    rest = add(rest, sum);
    if (SUMS != VALUE) a.d = add(a.d, dot);
    if (SUMS == COST) total = add(total, labels);
  }
  if (SUMS == COST) a.p = total.high + total.low;
  a.s = SUMS == GIVEN ? rest : add(rest, maxima - A(1));
  return a;
}

// f / (1 + s), where f is one or, for weights measured from another m, ratio(m, row.m, t): what
// these are still to be multiplied by. NaN where the row's maximum is infinite.
template <typename A, Sums SUMS, typename T>
__device__ __forceinline__ A share(const State<A, SUMS>& row, const T& t,
                                   Pair<A> f = {A(1), A(0)}) {
  const Pair<A> share = times(reciprocal(row.total()), f);
  return t.checked(is_infinite(row.m) ? Limits<A>::nan() : share.high + share.low);
}

// log(1 + s), and NaN where s or t is; of no entries, where s is -1, as of one.
template <typename A, Sums SUMS, typename T>
__device__ __forceinline__ Pair<A> log_of_sum(const State<A, SUMS>& row, const T& t) {
  Pair<A> log = log_of_one_plus(Pair<A>{larger(row.s.high, A(0)), row.s.low});
  log.high = t.checked(log.high + (row.s.high - row.s.high));
  return log;
}

// (x - m)/t - log(1 + s), of the entries of a row one by one.
template <typename A> struct LogProbability {
  A m;
  Pair<A> log;

  template <Sums SUMS, typename T>
  __device__ __forceinline__ LogProbability(const State<A, SUMS>& row, const T& t)
      : m(row.m), log(log_of_sum(row, t)) {
    if (is_infinite(m)) log.high = Limits<A>::nan();
  }

  template <typename T> __device__ __forceinline__ A of(A x, const T& t) const {
    const Pair<A> d = t.divide(two_diff(x, m));
    const Pair<A> z = two_diff(d.high, log.high);
    return is_infinite(d.high) ? z.high : z.high + (z.low + (d.low - log.low));
  }
};

// m + t log(1 + s).
template <typename A, Sums SUMS, typename T = Unit<A>>
__device__ __forceinline__ A logsumexp(const State<A, SUMS>& row, const T& t = T()) {
  const Pair<A> log = t.multiply(log_of_sum(row, t));
  const Pair<A> sum = two_sum(row.m, log.high);
  A y = sum.high + (sum.low + log.low);
  if (is_infinite(log.high)) y = log.high;
  if (is_infinite(row.m) && log.high == log.high) y = row.m;
  return y;
}

}  // namespace softkern
