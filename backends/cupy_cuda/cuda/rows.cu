// Rows that fit into the registers of a team: of a few lanes, of a warp, or of a block.
//
// WHOLE: each row is read once and written once. A longer row is cut into slices, one for a block:
// a launch that FOLDs leaves the sums of every slice, and one that MAPs merges these in order and
// reads the row again.
#include "kernel.cuh"
#include "tiles.cuh"

namespace softkern {

constexpr bool KEEP = NOW == WHOLE && Op::MAPS_WEIGHTS && sizeof(T) >= 4;
constexpr bool SLICED = NOW == FOLD || (NOW == MAP && !Op::REDUCED);
using RowTile = Tile<T, TILE_CHUNKS, TEAM_THREADS>;

}  // namespace softkern

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS, 1)
    rows(const NUMBER* x, const NUMBER* v, NUMBER* y, NUMBER* dy, const bool* mask,
         const long long* classes, softkern::A* lines, const softkern::A* ts, softkern::A t1,
         softkern::A t1_error, softkern::S* states, const softkern::Layout layout) {
  using namespace softkern;
  constexpr int TEAMS = BLOCK_THREADS / TEAM_THREADS;
  const long long team = static_cast<long long>(blockIdx.x) * TEAMS + threadIdx.x / TEAM_THREADS;
  const long long row = SLICED ? team / layout.slices : team;
  const long long begin = SLICED ? team % layout.slices * layout.slice : 0;
  if (row >= layout.outer) return;
  const Temperatures t({ts, t1, t1_error}, layout, row);
  const Part part = part_of({x, v, mask, 0}, layout, row, 0, begin, layout.slice);

  RowTile xs, vs;
  S sums;
  A m(0);
  if constexpr (NOW != MAP || !Op::REDUCED) {
    read(xs, vs, part, layout);
    hide(xs, vs, part, layout, none());
  }
  if constexpr (NOW == MAP) {
    const S* slices = states + row * layout.slices;
    sums = merge_slices<BLOCK_THREADS>(slices, static_cast<int>(layout.slices), t.weights);
  } else {
    sums = fold<KEEP>(xs, vs, t.weights);
    m = sums.m;
    sums = merge_team<TEAM_THREADS>(sums, t.weights);
  }
  if constexpr (NOW == FOLD) {
    if (threadIdx.x == 0) states[team] = sums;
    return;
  }
  const bool first = threadIdx.x % TEAM_THREADS == 0;
  if (Op::REDUCED && !first) return;
  const Own<A> own = own_of(row, part, {classes, lines}, layout);
  if constexpr (!Op::REDUCED) {
    map<KEEP>(xs, vs, sums, m, part, own, t);
    hide(xs, vs, part, layout, hidden_result());
    const long long start = row * layout.n + begin;
    if (y) xs.write(y + start, part.n);
    if (Op::READS_V && dy) vs.write(dy + start, part.n);
  }
  if (first && begin == 0) write_row(sums, row, y, dy, own, t.weights);
}
