// Segments: rows of any length, one behind the other along the first axis, in one or more columns.
// A team of threads takes each row, of a size that is right for the lengths of the launch's
// members; a row that its registers do not hold is read again.
#include "kernel.cuh"

namespace softkern {

constexpr int STEP = BATCH * TEAM_THREADS;

// Every TEAM_THREADS-th number of a part of a row.
struct Numbers {
  static constexpr int GROUP = 4;
  A numbers[BATCH];

  static constexpr __device__ __forceinline__ int count() { return BATCH; }
  static __device__ __forceinline__ int place(int i) {
    return i * TEAM_THREADS + threadIdx.x % TEAM_THREADS;
  }
  __device__ __forceinline__ A get(int i) const { return numbers[i]; }
  __device__ __forceinline__ void set(int i, A a) { numbers[i] = a; }

  __device__ __forceinline__ void read(const T* from, long long n, long long step, A none) {
#pragma unroll
    for (int i = 0; i < BATCH; ++i) {
      numbers[i] = place(i) < n ? Number<T>::read(from[place(i) * step]) : none;
    }
  }

  __device__ __forceinline__ void write(T* to, long long n, long long step) const {
#pragma unroll
    for (int i = 0; i < BATCH; ++i) {
      if (place(i) < n) to[place(i) * step] = Number<T>::write(numbers[i]);
    }
  }
};

}  // namespace softkern

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS, 1)
    segments(const NUMBER* x, const NUMBER* v, NUMBER* y, NUMBER* dy, const long long* offsets,
             const long long* members, const softkern::A* ts, softkern::A t1, softkern::A t1_error,
             const softkern::Layout layout) {
  using namespace softkern;
  constexpr int TEAMS = BLOCK_THREADS / TEAM_THREADS;
  const long long team = static_cast<long long>(blockIdx.x) * TEAMS + threadIdx.x / TEAM_THREADS;
  if (team >= layout.n * layout.inner) return;
  const long long segment = members[team / layout.inner], column = team % layout.inner;
  const long long row = segment * layout.inner + column;
  const long long begin = offsets[segment], n = offsets[segment + 1] - begin;
  const Temperatures t({ts, t1, t1_error}, layout, row);
  const auto start = [&](const Steps& steps) { return begin * steps.axis + column * steps.inner; };

  Numbers xs, vs;
  const auto read = [&](long long i) {
    xs.read(x + start(layout.x) + i * layout.x.axis, n - i, layout.x.axis, none());
    if (Op::READS_V) {
      vs.read(v + start(layout.v) + i * layout.v.axis, n - i, layout.v.axis, A(0));
    }
  };
  S sums;
  for (long long i = 0; i == 0 || i < n; i += STEP) {  // an empty row is one of -inf
    read(i);
    sums = merge(sums, fold<false>(xs, vs, t.weights), t.weights);
  }
  sums = merge_team<TEAM_THREADS>(sums, t.weights);
  Own<A> own = {};
  if constexpr (Op::REDUCED) {
    if (threadIdx.x % TEAM_THREADS == 0) write_row(sums, row, y, dy, own, t.weights);
  } else {
    if (Op::READS_G) own.g = Number<T>::read(v[row]);
    for (long long i = 0; i < n; i += STEP) {
      if (n > STEP) read(i);
      map<false>(xs, vs, sums, sums.m, Part{}, own, t);
      const long long to = start(layout.y) + i * layout.y.axis;
      if (y) xs.write(y + to, n - i, layout.y.axis);
      if (Op::READS_V && dy) vs.write(dy + to, n - i, layout.y.axis);
    }
  }
}
