// Every operation: what it sums over a row, and what it makes of an entry once the sums are known.
//
//   softmax      y = e / (1 + s)                e = exp((x - m)/t)
//   log_softmax  z = (x - m)/t - log(1 + s)
//   logsumexp    L = m + t log(1 + s)
//
//   <y, v> = p + d / (1 + s)                    p = v at the maximum, d = sum e (v - p)
//   softmax      dy = y (v - <y, v>) / t        the same for the cotangent
//   log_softmax  dz = (v - <y, v>) / t          dx = (g - y sum g) / t
//   logsumexp    dL = <y, v>                    dx = y g
//
//   cross-entropy to a class and to labels v, of which each has a share q in the loss:
//                L = q -z[class] + r <v, -z>    <v, -z> = d/t + p log(1 + s)
//                dx = g (q (y - 1[class]) + r (p y - v)) / t
//                                               p = sum v, d = sum v (m - x)
//
// A constructor takes the sums of a row, the maximum m that weights were measured from, and what
// the row has of its own. `map` then replaces an entry, or its weight, by y and the entry of v by
// dy; where an operation is REDUCED, `y` and `dy` are the results of the row.
#pragma once
#include "numbers.cuh"
#include "softkern/row.cuh"

namespace softkern {

// What a row has of its own, as far as the operation reads it.
template <typename A> struct Own {
  A g;                    // the cotangent of the row's result
  A share, share_of_all;  // of the loss: that to the class, and that to the labels v
  long long label;        // the class, -1 for none
  A x, v;                 // the entries of the class
  A* loss;                // where it is written
};

template <Sums KIND, bool V, bool WEIGHTS, bool ONE_A_ROW> struct Traits {
  static constexpr Sums SUMS = KIND;
  static constexpr bool READS_V = V;             // an entry for every entry of x
  static constexpr bool MAPS_WEIGHTS = WEIGHTS;  // map takes e, not x
  static constexpr bool REDUCED = ONE_A_ROW;
  static constexpr bool LOGARITHMIC = false;  // y is -inf, not 0, where x is
  static constexpr bool READS_G = false;      // a number for every row
  static constexpr bool LABELLED = false;     // a class for every row, and a loss
};

template <typename S> __device__ __forceinline__ bool all_minus_infinite(const S& row) {
  return is_infinite(row.m) && row.m < 0 && row.s.high == row.s.high;
}

template <typename T> struct Softmax : Traits<VALUE, false, true, false> {
  using A = Computed<T>;
  A scale;

  template <typename S, typename Temperature>
  __device__ __forceinline__ Softmax(const S& row, A m, const Temperature& t, const Own<A>&)
      : scale(share(row, t, ratio(m, row.m, t))) {}

  template <typename Temperatures>
  __device__ __forceinline__ void map(A& e, A&, const Temperatures&) const {
    e *= scale;
  }
};

template <typename T> struct SoftmaxJvp : Traits<MEAN, true, true, false> {
  using A = Computed<T>;
  A scale, p, mean;

  template <typename S, typename Temperature>
  __device__ __forceinline__ SoftmaxJvp(const S& row, A m, const Temperature& t, const Own<A>&)
      : scale(share(row, t, ratio(m, row.m, t))), p(row.p), mean(row.d.high * share(row, t)) {}

  template <typename Temperatures>
  __device__ __forceinline__ void map(A& e, A& v, const Temperatures& t) const {
    e *= scale;
    v = t.results.divide(e * ((v - p) - mean));
  }
};

// The derivative from y, which is given.
template <typename T> struct SoftmaxGiven : Traits<GIVEN, true, false, false> {
  using A = Computed<T>;
  A p, mean;

  template <typename S, typename Temperature>
  __device__ __forceinline__ SoftmaxGiven(const S& row, A, const Temperature& t, const Own<A>&)
      : p(row.p), mean(t.checked(row.d.high)) {}

  template <typename Temperatures>
  __device__ __forceinline__ void map(A& y, A& v, const Temperatures& t) const {
    v = t.results.divide(y * ((v - p) - mean));
  }
};

template <typename T> struct LogSoftmax : Traits<VALUE, false, false, false>,
                                          LogProbability<Computed<T>> {
  using A = Computed<T>;
  static constexpr bool LOGARITHMIC = true;

  template <typename S, typename Temperature>
  __device__ __forceinline__ LogSoftmax(const S& row, A, const Temperature& t, const Own<A>&)
      : LogProbability<A>(row, t) {}

  template <typename Temperatures>
  __device__ __forceinline__ void map(A& x, A&, const Temperatures& t) const {
    x = this->of(x, t.weights);
  }
};

template <typename T> struct LogSoftmaxJvp : Traits<MEAN, true, false, false> {
  using A = Computed<T>;
  static constexpr bool LOGARITHMIC = true;
  LogSoftmax<T> log_softmax;
  A p, mean;

  template <typename S, typename Temperature>
  __device__ __forceinline__ LogSoftmaxJvp(const S& row, A m, const Temperature& t,
                                           const Own<A>& own)
      : log_softmax(row, m, t, own), p(row.p), mean(row.d.high * share(row, t)) {}

  template <typename Temperatures>
  __device__ __forceinline__ void map(A& x, A& v, const Temperatures& t) const {
    log_softmax.map(x, v, t);
    v = t.results.divide((v - p) - mean);
  }
};

// At a maximum that holds more than half of the row, 1 - y is the share of the others.
template <typename T> struct LogSoftmaxVjp : Traits<PLAIN, true, false, false> {
  using A = Computed<T>;
  A m, scale, share_of_others, sum, sum_of_others;
  bool dominant;

  template <typename S, typename Temperature>
  __device__ __forceinline__ LogSoftmaxVjp(const S& row, A, const Temperature& t, const Own<A>&)
      : m(row.m), scale(share(row, t)), sum_of_others(row.d.high) {
    share_of_others = row.s.high * scale;
    sum = row.p + row.d.high;
    dominant = row.s.high < A(1);
  }

  template <typename Temperatures>
  __device__ __forceinline__ void map(A& x, A& g, const Temperatures& t) const {
    const bool largest = dominant && x == m;
    const A y = (x == m ? A(1) : weight<T>(x, m, t.weights)) * scale;
    const A own = largest ? share_of_others * g : g;
    g = t.results.divide(fused(-y, largest ? sum_of_others : sum, own));
  }
};

template <typename T> struct LogSumExp : Traits<VALUE, false, false, true> {
  using A = Computed<T>;
  A y, dy;

  template <typename S, typename Temperature>
  __device__ __forceinline__ LogSumExp(const S& row, A, const Temperature& t, const Own<A>&)
      : y(logsumexp(row, t)), dy(0) {}
};

template <typename T> struct LogSumExpJvp : Traits<MEAN, true, false, true> {
  using A = Computed<T>;
  A y, dy;

  template <typename S, typename Temperature>
  __device__ __forceinline__ LogSumExpJvp(const S& row, A m, const Temperature& t,
                                          const Own<A>& own)
      : y(LogSumExp<T>(row, m, t, own).y), dy(row.p + row.d.high * share(row, t)) {
    if (all_minus_infinite(row)) dy = A(0);
  }
};

template <typename T> struct LogSumExpVjp : Traits<VALUE, false, true, false> {
  using A = Computed<T>;
  static constexpr bool READS_G = true;
  A scale;

  template <typename S, typename Temperature>
  __device__ __forceinline__ LogSumExpVjp(const S& row, A m, const Temperature& t,
                                          const Own<A>& own)
      : scale(share(row, t, ratio(m, row.m, t)) * own.g) {
    if (all_minus_infinite(row)) scale = A(0);
  }

  template <typename Temperatures>
  __device__ __forceinline__ void map(A& e, A&, const Temperatures&) const {
    e *= scale;
  }
};

// To a class, and if OF_ALL to labels v too. `at_class` is the result at the class.
template <typename T, bool OF_ALL, bool ONE_A_ROW> struct Labelled
    : Traits<OF_ALL ? COST : VALUE, OF_ALL, !ONE_A_ROW, ONE_A_ROW> {
  using A = Computed<T>;
  static constexpr bool LABELLED = true;
  A scale, of_class, of_labels, of_all, at_class;
  bool ignored;

  // Only a maximum has more than half of the row: there 1 - y is the share of the others.
  template <typename S, typename Temperature>
  __device__ __forceinline__ Labelled(const S& row, A m, const Temperature& t, const Own<A>& own)
      : scale(share(row, t, ratio(m, row.m, t))),
        of_class(own.share * own.g),
        of_labels(own.share_of_all * own.g),
        of_all(of_labels * row.p),
        ignored(own.share == A(0) && own.share_of_all * row.p == A(0)) {
    const A one = share(row, t), y = ignored ? A(0) : ratio(own.x, row.m, t).high * one;
    at_class = result(y, y > A(0.5) ? -row.s.high * one : y - A(1), own.v, t);
  }

  template <typename Temperatures>
  __device__ __forceinline__ void map(A& e, A& v, const Temperatures& t) const {
    const A y = ignored ? A(0) : e * scale;
    e = result(y, y, v, t.results);
  }

  // Of an entry whose y, less 1 if it is the class's, is `rest`.
  template <typename Temperature>
  __device__ __forceinline__ A result(A y, A rest, A v, const Temperature& t) const {
    const A labels = OF_ALL ? fused(of_all, y, -of_labels * v) : A(0);
    return t.divide(fused(of_class, rest, labels));
  }

  template <typename S, typename Temperature>
  static __device__ __forceinline__ A loss(const S& row, const Temperature& t, const Own<A>& own) {
    const LogSoftmax<T> log_softmax(row, row.m, t, own);
    A loss = own.share == A(0) ? A(0) : -own.share * log_softmax.of(own.x, t);
    if (OF_ALL && own.share_of_all * row.p != A(0)) {
      const Pair<A> d = t.divide(row.d);
      const Pair<A> sum = add(d, times(log_softmax.log, Pair<A>{row.p, A(0)}));
      loss += own.share_of_all * (is_infinite(d.high) ? sum.high : sum.high + sum.low);
    }
    return loss;
  }
};

template <typename T> using CrossEntropy = Labelled<T, false, true>;
template <typename T> using CrossEntropyVjp = Labelled<T, false, false>;
template <typename T> using CrossEntropyOfAll = Labelled<T, true, true>;
template <typename T> using CrossEntropyOfAllVjp = Labelled<T, true, false>;

}  // namespace softkern
