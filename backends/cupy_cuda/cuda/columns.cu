// Rows that lie across memory: lanes along the inner axis, and on along the outer one where that is
// short; the threads of a column one behind the other. A column of up to COLUMN_BATCH * blockDim.y
// numbers stays in registers; a longer one is read again, and one in slices goes the way it does in
// rows.cu.
#include "kernel.cuh"

namespace softkern {

// Numbers side by side, as many as are read at once.
template <typename T, int SIZE> struct alignas(SIZE * sizeof(T)) Vector {
  T numbers[SIZE];
};

// COLUMN_BATCH numbers each of COLUMN_WIDTH columns, every blockDim.y-th one from the thread's own.
struct Columns {
  Vector<T, COLUMN_WIDTH> vectors[COLUMN_BATCH];

  static __device__ __forceinline__ int place(int i) { return i * blockDim.y + threadIdx.y; }

  __device__ __forceinline__ void read(const T* from, int n, const Steps& steps, A none) {
#pragma unroll
    for (int i = 0; i < COLUMN_BATCH; ++i) {
      const T* p = from + place(i) * steps.axis;
      if (place(i) < n) {
        vectors[i] = *reinterpret_cast<const Vector<T, COLUMN_WIDTH>*>(p);
      } else {
#pragma unroll
        for (int w = 0; w < COLUMN_WIDTH; ++w) vectors[i].numbers[w] = Number<T>::write(none);
      }
    }
  }

  __device__ __forceinline__ void write(T* to, int n, const Steps& steps) const {
#pragma unroll
    for (int i = 0; i < COLUMN_BATCH; ++i) {
      if (place(i) >= n) continue;
      *reinterpret_cast<Vector<T, COLUMN_WIDTH>*>(to + place(i) * steps.axis) = vectors[i];
    }
  }
};

// One of the columns.
struct Column {
  static constexpr int GROUP = 4;
  Columns& columns;
  int w;

  static constexpr __device__ __forceinline__ int count() { return COLUMN_BATCH; }
  static __device__ __forceinline__ int place(int i) { return Columns::place(i); }
  __device__ __forceinline__ A get(int i) const {
    return Number<T>::read(columns.vectors[i].numbers[w]);
  }
  __device__ __forceinline__ void set(int i, A a) {
    columns.vectors[i].numbers[w] = Number<T>::write(a);
  }
};

// The states of the threads of each column as one, the same in all of them.
__device__ __forceinline__ void merge_columns(S (&sums)[COLUMN_WIDTH],
                                              const Temperatures (&t)[COLUMN_WIDTH], S* states) {
  const int own = threadIdx.y * blockDim.x + threadIdx.x, threads = blockDim.x * blockDim.y;
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    const bool gives = threadIdx.y >= half && threadIdx.y < 2 * half;
#pragma unroll
    for (int w = 0; w < COLUMN_WIDTH; ++w) {
      if (gives) states[w * threads + own] = sums[w];
    }
    __syncthreads();
#pragma unroll
    for (int w = 0; w < COLUMN_WIDTH; ++w) {
      const int other = w * threads + own + half * blockDim.x;
      if (threadIdx.y < half) sums[w] = merge(sums[w], states[other], t[w].weights);
    }
  }
  if (blockDim.y == 1) return;
#pragma unroll
  for (int w = 0; w < COLUMN_WIDTH; ++w) {
    if (threadIdx.y == 0) states[w * threads + own] = sums[w];
  }
  __syncthreads();
#pragma unroll
  for (int w = 0; w < COLUMN_WIDTH; ++w) sums[w] = states[w * threads + threadIdx.x];
}

}  // namespace softkern

extern __shared__ double exchange[];

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS, 1)
    columns(const NUMBER* x, const NUMBER* v, NUMBER* y, NUMBER* dy, const bool* mask,
            const long long* classes, softkern::A* lines, const softkern::A* ts, softkern::A t1,
            softkern::A t1_error, softkern::S* states, const softkern::Layout layout) {
  using namespace softkern;
  constexpr bool SLICED = NOW == FOLD || (NOW == MAP && !Op::REDUCED);
  const unsigned slices = SLICED ? layout.slices : 1, slice = blockIdx.x % slices;
  const long long lane = static_cast<long long>(blockIdx.x / slices) * blockDim.x + threadIdx.x;
  const long long row = lane * COLUMN_WIDTH, begin = slice * layout.slice;
  const bool inside = row < layout.outer * layout.inner;
  const long long outer = inside ? row / layout.inner : 0, inner = inside ? row % layout.inner : 0;
  const Part part =
      part_of({x, v, mask, 0}, layout, outer, inner, begin, inside ? layout.slice : 0);
  const int batch = COLUMN_BATCH * blockDim.y;

  Temperatures t[COLUMN_WIDTH];
  S sums[COLUMN_WIDTH];
#pragma unroll
  for (int w = 0; w < COLUMN_WIDTH; ++w) {
    t[w] = Temperatures({ts, t1, t1_error}, layout, inside ? row + w : 0);
    if constexpr (NOW == MAP) {
      for (int i = threadIdx.y; inside && i < layout.slices; i += blockDim.y) {
        sums[w] = merge(sums[w], states[(row + w) * layout.slices + i], t[w].weights);
      }
    }
  }
  Columns xs, vs;
  if constexpr (NOW != MAP) {
    for (int i = 0; i < part.n; i += batch) {
      const Part next = after(part, i, layout);
      read(xs, vs, next, layout);
#pragma unroll
      for (int w = 0; w < COLUMN_WIDTH; ++w) {
        Column x_w = {xs, w}, v_w = {vs, w};
        hide(x_w, v_w, beside(next, w, layout), layout, none());
        sums[w] = merge(sums[w], fold<false>(x_w, v_w, t[w].weights), t[w].weights);
      }
    }
  }
  merge_columns(sums, t, reinterpret_cast<S*>(exchange));
  if (!inside) return;

  if (threadIdx.y == 0) {
#pragma unroll
    for (int w = 0; w < COLUMN_WIDTH; ++w) {
      if constexpr (NOW == FOLD) {
        states[(row + w) * layout.slices + slice] = sums[w];
      } else if (slice == 0) {
        const Own<A> own = own_of(row + w, beside(part, w, layout), {classes, lines}, layout);
        write_row(sums[w], row + w, y, dy, own, t[w].weights);
      }
    }
  }
  if constexpr (NOW != FOLD && !Op::REDUCED) {
    for (int i = 0; i < part.n; i += batch) {
      const Part next = after(part, i, layout);
      const bool again = NOW == MAP || part.n > batch;
      if (again) read(xs, vs, next, layout);
#pragma unroll
      for (int w = 0; w < COLUMN_WIDTH; ++w) {
        Column x_w = {xs, w}, v_w = {vs, w};
        const Part column = beside(next, w, layout);
        if (again) hide(x_w, v_w, column, layout, none());
        const Own<A> own = own_of(row + w, column, {classes, lines}, layout);
        map<false>(x_w, v_w, sums[w], sums[w].m, column, own, t[w]);
        hide(x_w, v_w, column, layout, hidden_result());
      }
      const Steps& steps = layout.y;
      const long long to = outer * steps.outer + (begin + i) * steps.axis + inner * steps.inner;
      if (y) xs.write(y + to, next.n, steps);
      if (Op::READS_V && dy) vs.write(dy + to, next.n, steps);
    }
  }
}
