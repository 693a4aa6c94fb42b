// Rows that fit into a block's shared memory, which holds on to what the registers of each thread
// cannot: a thread meets no other's numbers there.
#include "kernel.cuh"
#include "tiles.cuh"

namespace softkern {

using RowTile = Tile<T, TILE_CHUNKS, BLOCK_THREADS>;

__device__ __forceinline__ void put_by(uint4* kept, const RowTile& tile) {
#pragma unroll
  for (int c = 0; c < TILE_CHUNKS; ++c)
    kept[c * BLOCK_THREADS + threadIdx.x] = tile.chunks[c].words;
}

__device__ __forceinline__ void take_up(const uint4* kept, RowTile& tile) {
#pragma unroll
  for (int c = 0; c < TILE_CHUNKS; ++c)
    tile.chunks[c].words = kept[c * BLOCK_THREADS + threadIdx.x];
}

}  // namespace softkern

extern __shared__ uint4 kept[];

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS, 1)
    shared_rows(const NUMBER* x, const NUMBER* v, NUMBER* y, NUMBER* dy, const bool* mask,
                const long long* classes, softkern::A* lines, const softkern::A* ts, softkern::A t1,
                softkern::A t1_error, softkern::S*, const softkern::Layout layout) {
  using namespace softkern;
  const long long row = blockIdx.x;
  const int tiles = static_cast<int>((layout.n + RowTile::NUMBERS - 1) / RowTile::NUMBERS);
  uint4* const kept_v = kept + tiles * TILE_CHUNKS * BLOCK_THREADS;
  const Temperatures t({ts, t1, t1_error}, layout, row);

  S sums;
  for (int i = 0; i < tiles; ++i) {
    RowTile xs, vs;
    const long long begin = static_cast<long long>(i) * RowTile::NUMBERS;
    const Part part = part_of({x, v, mask, 0}, layout, row, 0, begin, RowTile::NUMBERS);
    read(xs, vs, part, layout);
    hide(xs, vs, part, layout, none());
    put_by(kept + i * TILE_CHUNKS * BLOCK_THREADS, xs);
    if (Op::READS_V) put_by(kept_v + i * TILE_CHUNKS * BLOCK_THREADS, vs);
    sums = merge(sums, fold<false>(xs, vs, t.weights), t.weights);
  }
  sums = merge_block<BLOCK_THREADS>(sums, t.weights);

  const Part first = part_of({x, v, mask, 0}, layout, row, 0, 0, RowTile::NUMBERS);
  const Own<A> own = own_of(row, first, {classes, lines}, layout);
  if (threadIdx.x == 0) write_row(sums, row, y, dy, own, t.weights);
  for (int i = 0; i < tiles; ++i) {
    RowTile xs, vs;
    take_up(kept + i * TILE_CHUNKS * BLOCK_THREADS, xs);
    if (Op::READS_V) take_up(kept_v + i * TILE_CHUNKS * BLOCK_THREADS, vs);
    const long long begin = static_cast<long long>(i) * RowTile::NUMBERS;
    const Part part = part_of({x, v, mask, 0}, layout, row, 0, begin, RowTile::NUMBERS);
    map<false>(xs, vs, sums, sums.m, part, own, t);
    hide(xs, vs, part, layout, hidden_result());
    if (y) xs.write(y + row * layout.n + begin, part.n);
    if (Op::READS_V && dy) vs.write(dy + row * layout.n + begin, part.n);
  }
}
