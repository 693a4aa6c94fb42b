// The pair (m, s) of a row and its merge.
//
// m is the row's largest entry and s = sum exp((x - m)/t) less one: the maximum's own term, which
// is 1, is left out, so that the share of the others keeps its digits however small it is. The
// neutral element is (-inf, -1). Sums are unevaluated sums of two numbers.
#pragma once
#include "softkern/arithmetic.cuh"

namespace softkern {

// What is summed beside the pair over a second array v, with the weights e = exp((x - m)/t).
enum Sums {
  VALUE,  // nothing
  MEAN,   // p: v at a maximum; d = sum e (v - p), so that the largest term does not have to cancel
  GIVEN,  // as MEAN, where x is the weights themselves: s = sum x, and nothing is left out
  PLAIN,  // p = sum of v at the maxima; d = sum of the other v
  COST    // p = sum v; d = sum v (m - x), where an entry with v = 0 takes no part
};

template <typename A, Sums SUMS> struct State {
  A m;
  Pair<A> s;
  A p;
  Pair<A> d;

  __device__ __forceinline__ State()
      : m(-Limits<A>::infinity()), s{SUMS == GIVEN ? A(0) : A(-1), A(0)}, p(0), d{A(0), A(0)} {}

  // The sum of all weights, the maximum's own too.
  __device__ __forceinline__ Pair<A> total() const { return SUMS == GIVEN ? s : add(s, A(1)); }
};

// exp((a - m)/t) with its error. Equal numbers are told apart first: (-inf) - (-inf) is NaN.
template <typename A, typename T> __device__ __forceinline__ Pair<A> ratio(A a, A m, const T& t) {
  if (a == m) return {A(1), A(0)};
  return exp_pair(t.divide(two_diff(a, m)));
}

// The state measured from (m, p) instead of its own, m being at least its own. A state whose
// maximum is m still leaves that one out.
template <typename A, Sums SUMS, typename T>
__device__ __forceinline__ State<A, SUMS> measured(State<A, SUMS> a, A m, A p, const T& t) {
  const bool largest = a.m == m;
  const Pair<A> total = a.total();
  const Pair<A> f = SUMS == GIVEN ? Pair<A>{A(1), A(0)} : ratio(a.m, m, t);
  if (SUMS == MEAN || SUMS == GIVEN) {
    a.d = times(add(a.d, product(total.high, a.p - p)), f);
    a.p = p;
  }
  if (SUMS == PLAIN && !largest) {
    a.d = add(a.d, a.p);
    a.p = A(0);
  }
  if (SUMS == COST && !largest && a.p != A(0)) a.d = add(a.d, product(a.p, m - a.m));
  if (SUMS != GIVEN && !largest) a.s = times(total, f);
  a.m = m;
  return a;
}

// Two states as one.
template <typename A, Sums SUMS, typename T = Unit<A>>
__device__ __forceinline__ State<A, SUMS> merge(State<A, SUMS> a, State<A, SUMS> b,
                                                const T& t = T()) {
  const A m = larger(a.m, b.m), p = a.m == m ? a.p : b.p;
  const bool both = a.m == m && b.m == m;
  a = measured(a, m, p, t);
  b = measured(b, m, p, t);
  a.s = add(a.s, b.s);
  if (SUMS != GIVEN && both) a.s = add(a.s, A(1));
  if (SUMS == PLAIN || SUMS == COST) a.p += b.p;
  if (SUMS != VALUE) a.d = add(a.d, b.d);
  return a;
}

// ---- over the lanes of a warp, the warps of a block, the slices of a row ----

template <typename A>
__device__ __forceinline__ Pair<A> add_lanes(Pair<A> a, int lanes, unsigned among) {
  for (int apart = lanes / 2; apart > 0; apart /= 2) {
    const A high = __shfl_xor_sync(among, a.high, apart);
    const A low = __shfl_xor_sync(among, a.low, apart);
    a = add(a, Pair<A>{high, low});
  }
  return a;
}

// The lanes `among` whose threads work on one row: LANES of them side by side, a power of two.
template <int LANES> __device__ __forceinline__ unsigned lanes_of_row() {
  if (LANES == 32) return 0xffffffffu;
  const unsigned lane = threadIdx.x % 32;
  return ((1u << LANES % 32) - 1u) << (lane - lane % LANES);
}

// The states of LANES lanes as one, the same in all of them: one exponential, however many lanes.
template <int LANES, typename A, Sums SUMS, typename T>
__device__ __forceinline__ State<A, SUMS> merge_lanes(State<A, SUMS> a, const T& t) {
  if (LANES == 1) return a;
  const unsigned among = lanes_of_row<LANES>();
  A m = a.m;
#pragma unroll
  for (int apart = LANES / 2; apart > 0; apart /= 2) {
    m = larger(m, __shfl_xor_sync(among, m, apart));
  }
  const unsigned largest = __ballot_sync(among, a.m == m) & among;
  A p = a.p;
  if (SUMS == MEAN || SUMS == GIVEN) p = __shfl_sync(among, a.p, __ffs(largest) - 1);
  a = measured(a, m, p, t);
  a.s = add_lanes(a.s, LANES, among);
  if (SUMS != GIVEN) a.s = add(a.s, A(__popc(largest) - 1));
  if (SUMS == PLAIN || SUMS == COST) a.p = add_lanes(Pair<A>{a.p, A(0)}, LANES, among).high;
  if (SUMS != VALUE) a.d = add_lanes(a.d, LANES, among);
  return a;
}

// The states of all threads of a block as one, the same in all of them. One barrier.
template <int THREADS, typename A, Sums SUMS, typename T>
__device__ __forceinline__ State<A, SUMS> merge_block(State<A, SUMS> a, const T& t) {
  constexpr int WARPS = THREADS / 32;
  constexpr int LANES = WARPS <= 2 ? 2 : WARPS <= 4 ? 4 : WARPS <= 8 ? 8 : WARPS <= 16 ? 16 : 32;
  __shared__ A states[WARPS][SUMS == VALUE ? 3 : 6];
  a = merge_lanes<32>(a, t);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  if (lane == 0) {
    A* own = states[warp];
    own[0] = a.m, own[1] = a.s.high, own[2] = a.s.low;
    if constexpr (SUMS != VALUE) own[3] = a.p, own[4] = a.d.high, own[5] = a.d.low;
  }
  __syncthreads();
  State<A, SUMS> b;
  if (lane % LANES < WARPS) {
    const A* other = states[lane % LANES];
    b.m = other[0], b.s = {other[1], other[2]};
    if constexpr (SUMS != VALUE) b.p = other[3], b.d = {other[4], other[5]};
  }
  return merge_lanes<LANES>(b, t);
}

// The states of a team as one, the same in all its threads: a few lanes, a warp, or a whole block.
template <int THREADS, typename A, Sums SUMS, typename T>
__device__ __forceinline__ State<A, SUMS> merge_team(State<A, SUMS> a, const T& t) {
  if constexpr (THREADS <= 32) {
    return merge_lanes<THREADS>(a, t);
  } else {
    return merge_block<THREADS>(a, t);
  }
}

// The states of the slices of a row, merged in the same order by every block of THREADS threads.
template <int THREADS, typename A, Sums SUMS, typename T>
__device__ __forceinline__ State<A, SUMS> merge_slices(const State<A, SUMS>* slices, int count,
                                                       const T& t) {
  State<A, SUMS> a;
  for (int i = threadIdx.x; i < count; i += THREADS) a = merge(a, slices[i], t);
  return merge_block<THREADS>(a, t);
}

}  // namespace softkern
