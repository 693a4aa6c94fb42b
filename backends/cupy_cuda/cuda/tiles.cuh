// A tile: the part of a row that a team of threads holds in registers, in chunks of sixteen bytes.
//
// Chunk c of a thread is chunk c * TEAM + lane of the tile, whatever the row's place in memory: the
// order of sums depends on nothing else. Memory is read and written in aligned chunks even so:
// where the row itself is not aligned, chunks are put together from two neighbours.
#pragma once
#include "numbers.cuh"
#include "softkern/state.cuh"

namespace softkern {

template <typename T, int CHUNKS, int TEAM> struct Tile {
  static constexpr int SIZE = Chunk<T>::SIZE;
  static constexpr int COUNT = CHUNKS * SIZE, GROUP = SIZE;  // numbers of a thread; added in groups
  static constexpr int NUMBERS = COUNT * TEAM;
  Chunk<T> chunks[CHUNKS];

  static constexpr __device__ __forceinline__ int count() { return COUNT; }
  __device__ __forceinline__ Computed<T> get(int i) const { return chunks[i / SIZE].get(i % SIZE); }
  __device__ __forceinline__ void set(int i, Computed<T> a) { chunks[i / SIZE].set(i % SIZE, a); }

  // Where in the tile the thread's number i is.
  static __device__ __forceinline__ int place(int i) { return first(i / SIZE) + i % SIZE; }

  static __device__ __forceinline__ int first(int c) {
    return (c * TEAM + static_cast<int>(threadIdx.x) % TEAM) * SIZE;
  }

  // Read numbers 0 to n of a row; `none` stands beyond n.
  __device__ __forceinline__ void read(const T* row, int n, const Steps& steps, Computed<T> none) {
    if (steps.axis != 1) {
      read_singly(row, n, steps.axis, none);
    } else if (misalignment(row) == 0) {
      read_aligned(row, n, none);
    } else {
      read_between(row, n, none);
    }
  }

  // Write them to numbers 0 to n of a row.
  __device__ __forceinline__ void write(T* row, int n) const {
    if (misalignment(row) == 0) {
      write_aligned(row, n);
    } else {
      write_between(row, n);
    }
  }

 private:
  __device__ __forceinline__ void read_part(int c, const T* row, int n, long long step,
                                            Computed<T> none) {
#pragma unroll
    for (int k = 0; k < SIZE; ++k) {
      const int i = first(c) + k;
      chunks[c].numbers[k] = i < n ? row[i * step] : Number<T>::write(none);
    }
  }

  __device__ __forceinline__ void read_singly(const T* row, int n, long long step,
                                              Computed<T> none) {
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) read_part(c, row, n, step, none);
  }

  // The last chunk, alone, may be cut short; the others are read without a branch between them.
  __device__ __forceinline__ void read_aligned(const T* row, int n, Computed<T> none) {
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      if (first(c) + SIZE <= n) {
        chunks[c] = read_chunk(row + first(c));
      } else {
#pragma unroll
        for (int k = 0; k < SIZE; ++k) chunks[c].set(k, none);
      }
    }
    if (n % SIZE == 0) return;
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      if (first(c) < n && first(c) + SIZE > n) read_part(c, row, n, 1, none);
    }
  }

  __device__ __forceinline__ void read_between(const T* row, int n, Computed<T> none) {
    const unsigned offset = misalignment(row);
    const int before = offset / sizeof(T);
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      const int start = first(c) - before;
      if (start >= 0 && start + 2 * SIZE <= n) {
        chunks[c] = middle(read_chunk(row + start), read_chunk(row + start + SIZE), offset);
      } else {
        read_part(c, row, n, 1, none);
      }
    }
  }

  __device__ __forceinline__ void write_part(int c, T* row, int from, int n) const {
#pragma unroll
    for (int k = 0; k < SIZE; ++k) {
      const int i = first(c) + k;
      if (k >= from && i < n) row[i] = chunks[c].numbers[k];
    }
  }

  __device__ __forceinline__ void write_aligned(T* row, int n) const {
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      if (first(c) + SIZE <= n) write_chunk(row + first(c), chunks[c]);
    }
    if (n % SIZE == 0) return;
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      if (first(c) < n && first(c) + SIZE > n) write_part(c, row, 0, n);
    }
  }

  // An aligned chunk of memory holds the end of one lane's chunk and the beginning of the next
  // lane's, which writes it. What is left over at the ends of the warp is written singly.
  __device__ __forceinline__ void write_between(T* row, int n) const {
    constexpr int LANES = TEAM < 32 ? TEAM : 32;
    const unsigned among = lanes_of_row<LANES>();
    const unsigned offset = misalignment(row);
    const int before = offset / sizeof(T), lane = threadIdx.x % LANES;
#pragma unroll
    for (int c = 0; c < CHUNKS; ++c) {
      Chunk<T> previous;
      previous.words.x = __shfl_up_sync(among, chunks[c].words.x, 1, LANES);
      previous.words.y = __shfl_up_sync(among, chunks[c].words.y, 1, LANES);
      previous.words.z = __shfl_up_sync(among, chunks[c].words.z, 1, LANES);
      previous.words.w = __shfl_up_sync(among, chunks[c].words.w, 1, LANES);
      const bool whole = first(c) + SIZE <= n;
      if (whole && lane > 0) {
        write_chunk(row + first(c) - before, middle(previous, chunks[c], 16u - offset));
      } else {
        write_part(c, row, 0, whole ? first(c) + SIZE - before : n);
      }
      const bool next_writes = lane < LANES - 1 && first(c) + 2 * SIZE <= n;
      if (whole && !next_writes) write_part(c, row, SIZE - before, n);
    }
  }
};

}  // namespace softkern
