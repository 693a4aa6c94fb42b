// Rows of a few numbers, a thread for each. A block takes its rows through shared memory, so that
// memory is read and written in one piece whatever their length.
#include "kernel.cuh"

namespace softkern {

constexpr int SIZE = Chunk<T>::SIZE;

// The rows of a block in shared memory; an odd distance keeps threads off each other's banks.
struct ShortRows {
  static constexpr int GROUP = 4;
  A* numbers;
  int n, apart, rows;

  __device__ __forceinline__ int count() const { return n; }
  __device__ __forceinline__ A get(int i) const { return numbers[threadIdx.x * apart + i]; }
  __device__ __forceinline__ void set(int i, A a) { numbers[threadIdx.x * apart + i] = a; }

  static __device__ __forceinline__ int place(int i) { return i; }

  __device__ __forceinline__ void read(const T* from, const Steps& steps) {
    const int total = rows * n;
    if (steps.axis == 1 && steps.outer == n && misalignment(from) == 0) {
      for (int i = threadIdx.x * SIZE; i < total; i += BLOCK_THREADS * SIZE) {
        Chunk<T> chunk;
        if (i + SIZE <= total) chunk = read_chunk(from + i);
        int row = i / n, column = i % n;
#pragma unroll
        for (int k = 0; k < SIZE; ++k) {
          if (i + k >= total) break;
          if (i + SIZE > total) chunk.numbers[k] = from[i + k];
          numbers[row * apart + column] = chunk.get(k);
          if (++column == n) column = 0, ++row;
        }
      }
    } else {
      for (int i = threadIdx.x; i < total; i += BLOCK_THREADS) {
        const int row = i / n, column = i % n;
        const T number = from[row * steps.outer + column * steps.axis];
        numbers[row * apart + column] = Number<T>::read(number);
      }
    }
  }

  __device__ __forceinline__ void write(T* to) const {
    const int total = rows * n;
    const bool aligned = misalignment(to) == 0;
    for (int i = threadIdx.x * SIZE; i < total; i += BLOCK_THREADS * SIZE) {
      Chunk<T> chunk;
      int row = i / n, column = i % n;
#pragma unroll
      for (int k = 0; k < SIZE; ++k) {
        if (i + k >= total) break;
        chunk.set(k, numbers[row * apart + column]);
        if (!aligned || i + SIZE > total) to[i + k] = chunk.numbers[k];
        if (++column == n) column = 0, ++row;
      }
      if (aligned && i + SIZE <= total) write_chunk(to + i, chunk);
    }
  }
};

}  // namespace softkern

extern __shared__ double numbers[];

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS, 1)
    short_rows(const NUMBER* x, const NUMBER* v, NUMBER* y, NUMBER* dy, const bool* mask,
               const long long* classes, softkern::A* lines, const softkern::A* ts, softkern::A t1,
               softkern::A t1_error, softkern::S*, const softkern::Layout layout) {
  using namespace softkern;
  const long long first = static_cast<long long>(blockIdx.x) * BLOCK_THREADS,
                  left = layout.outer - first;
  const int rows = left < BLOCK_THREADS ? static_cast<int>(left) : BLOCK_THREADS;
  const int n = static_cast<int>(layout.n), apart = n | 1;
  ShortRows xs = {reinterpret_cast<A*>(numbers), n, apart, rows};
  ShortRows vs = {xs.numbers + BLOCK_THREADS * apart, n, apart, rows};
  xs.read(x + first * layout.x.outer, layout.x);
  if (Op::READS_V) vs.read(v + first * layout.v.outer, layout.v);
  __syncthreads();

  if (threadIdx.x < rows) {
    const long long row = first + threadIdx.x;
    const Temperatures t({ts, t1, t1_error}, layout, row);
    const Part part = part_of({x, v, mask, 0}, layout, row, 0, 0, n);
    hide(xs, vs, part, layout, none());
    const S sums = fold<Op::MAPS_WEIGHTS>(xs, vs, t.weights);
    const Own<A> own = own_of(row, part, {classes, lines}, layout);
    write_row(sums, row, y, dy, own, t.weights);
    if constexpr (!Op::REDUCED) {
      map<Op::MAPS_WEIGHTS>(xs, vs, sums, sums.m, part, own, t);
      hide(xs, vs, part, layout, hidden_result());
    }
  }
  if constexpr (!Op::REDUCED) {
    __syncthreads();
    if (y) xs.write(y + first * n);
    if (Op::READS_V && dy) vs.write(dy + first * n);
  }
}
