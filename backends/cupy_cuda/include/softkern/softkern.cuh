// softmax, log_softmax and logsumexp inside your own kernels, of float or double:
//
//   #include "softkern/softkern.cuh"  // -I and the folder that softkern.get_include() names; C++17
//
//   softkern::Row<float> row;
//   for (int i = threadIdx.x; i < n; i += 256) row = add(row, x[i]);
//   row = softkern::merge_over<256>(row);
//   for (int i = threadIdx.x; i < n; i += 256) y[i] = softmax(row, x[i]);
//
// The mathematics. A row is known by its pair (m, s): m = max x, and s = sum exp((x - m)/t) less
// the maximum's own term, which is 1, so that the share of the others keeps its digits however
// small it is. A row of no entries has m = -inf, s = -1. The pair of two parts of a row is
//
//   m = max(m1, m2),   1 + s = (1 + s1) exp((m1 - m)/t) + (1 + s2) exp((m2 - m)/t)
//
// whatever they have and in any order, and the results for an entry x, and for the row, are
//
//   softmax  exp((x - m)/t) / (1 + s)   log_softmax  (x - m)/t - log(1 + s)
//   logsumexp  m + t log(1 + s)
//
// Nothing overflows; s is a sum of two numbers, the second of which is the rounding error of the
// first. softmax is within 2.5 units in the last place, the others 1.5. A row with NaN gives NaN;
// one with +inf gives logsumexp = +inf, one of -inf alone or of no entries -inf, and NaN for the
// other two.
//
// The threads of a team lie side by side along threadIdx.x: 1, 2, 4, 8, 16 or 32 (a warp) that
// begin at a multiple of their number, or a whole block of a multiple of 32. Where one of them
// calls, all must. Everything takes a temperature as its last argument,
// softkern::Temperature<float>(t); without it t is 1.
//
// The cost. A Row is three numbers in registers. merge_over takes no shared memory in a warp; in a
// block three numbers a warp, and two barriers. A kernel on sm_90 that does nothing else has, by
// CUDA 12.9, no local memory and at most
//
//   registers a thread                                     float  double
//   add in a loop, merge_over<256>, softmax in a loop         24      32
//   add in a loop, merge_over<256>, log_softmax in a loop     32      48
//   softmax<32> of 4 numbers a thread                         24      40
//   softmax<256> of 8 numbers a thread                        32      48
//   log_softmax<256> of 8 numbers a thread                    32      64
//   logsumexp<256> of 8 numbers a thread                      32      48
#pragma once
#include "softkern/row.cuh"

namespace softkern {

// ---- the pair of a row ----

// Before anything is added, the row of no entries.
template <typename A> using Row = State<A, VALUE>;

// The row with one entry more.
template <typename A, typename T = Unit<A>>
__device__ __forceinline__ Row<A> add(Row<A> row, A x, const T& t = T()) {
  const bool largest = x > row.m;
  const Pair<A> f = ratio(largest ? row.m : x, largest ? x : row.m, t);
  row.s = largest ? times(row.total(), f) : add(row.s, f);
  row.m = larger(row.m, x);
  return row;
}

// Numbers of a row in the registers of a thread.
template <typename E, int N> struct Held {
  static constexpr int GROUP = 4;
  E (&numbers)[N];

  static constexpr __device__ __forceinline__ int count() { return N; }
  __device__ __forceinline__ auto get(int i) const { return numbers[i]; }
  __device__ __forceinline__ void set(int i, E e) { numbers[i] = e; }
};

// The row of N entries.
template <typename A, int N, typename T = Unit<A>>
__device__ __forceinline__ Row<A> row_of(const A (&x)[N], const T& t = T()) {
  Held<const A, N> held = {x};
  return sums_of<A, VALUE, false>(held, held, t);
}

// The row with N entries more: quicker than one by one.
template <typename A, int N, typename T = Unit<A>>
__device__ __forceinline__ Row<A> add(Row<A> row, const A (&x)[N], const T& t = T()) {
  return merge(row, row_of(x, t), t);
}

// Two parts of a row are merge(a, b); the parts that the threads of a team have are this row, the
// same in all of them. The barrier is for kernels that merge row after row: some threads may still
// be reading what was merged before.
template <int THREADS, typename A, typename T = Unit<A>>
__device__ __forceinline__ Row<A> merge_over(Row<A> row, const T& t = T()) {
  static_assert(THREADS > 32 ? THREADS % 32 == 0 : 32 % THREADS == 0,
                "a team is 1, 2, 4, 8, 16 or 32 threads, or a block of a multiple of 32");
  if constexpr (THREADS > 32) __syncthreads();
  return merge_team<THREADS>(row, t);
}

// ---- results of a whole row: logsumexp(row), and for its entries ----

template <typename A, typename T = Unit<A>>
__device__ __forceinline__ A softmax(const Row<A>& row, A x, const T& t = T()) {
  return (x == row.m ? A(1) : weight<A>(x, row.m, t)) * share(row, t);
}

template <typename A, typename T = Unit<A>>
__device__ __forceinline__ A log_softmax(const Row<A>& row, A x, const T& t = T()) {
  return LogProbability<A>(row, t).of(x, t);
}

// ---- a row of which each thread of a team holds N entries, in registers ----

// In place. An entry that is not there is -Limits<A>::infinity().
template <int THREADS, typename A, int N, typename T = Unit<A>>
__device__ __forceinline__ void softmax(A (&x)[N], const T& t = T()) {
  Held<A, N> held = {x};
  const Row<A> own = sums_of<A, VALUE, true>(held, held, t), row = merge_over<THREADS>(own, t);
  const A scale = share(row, t, ratio(own.m, row.m, t));
#pragma unroll
  for (A& e : x) e *= scale;
}

// In place.
template <int THREADS, typename A, int N, typename T = Unit<A>>
__device__ __forceinline__ void log_softmax(A (&x)[N], const T& t = T()) {
  const LogProbability<A> of_row(merge_over<THREADS>(row_of(x, t), t), t);
#pragma unroll
  for (A& e : x) e = of_row.of(e, t);
}

// The same in all threads.
template <int THREADS, typename A, int N, typename T = Unit<A>>
__device__ __forceinline__ A logsumexp(const A (&x)[N], const T& t = T()) {
  return logsumexp(merge_over<THREADS>(row_of(x, t), t), t);
}

}  // namespace softkern
