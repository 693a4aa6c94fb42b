// Two accesses of a byte, one of them a store, race unless a barrier lies between them.
#include "shadow.h"

#include <cstdlib>

namespace emulator {
namespace {

constexpr uint16_t several_lanes = 0x4000, several_warps = 0x8000;

uint32_t phase, block_start;

unsigned warp_of(const Touch& touch) {
  if (touch.who == several_warps) return ~0u;
  return touch.who & several_lanes ? touch.who & 31u : touch.who / warp_size;
}

Touch now() {
  const Thread& thread = *machine.current;
  return {phase, uint16_t(thread.number), uint16_t(thread.warp_phase)};
}

bool by_earlier_block(const Touch& past) { return past.phase && past.phase < block_start; }

bool is_ordered(const Touch& past) {
  if (!past.phase) return true;
  if (by_earlier_block(past)) return machine.launch->trust_other_blocks;
  if (past.phase != phase) return true;
  const Touch present = now();
  return past.who == present.who ||
         (warp_of(past) == warp_of(present) && past.warp_phase != present.warp_phase);
}

// The record of this access, and of those before it that others may still race with.
Touch joined(const Touch& past) {
  Touch present = now();
  if (past.phase != phase || is_ordered(past)) return present;
  const unsigned warp = warp_of(present);
  present.who = warp_of(past) == warp ? several_lanes | warp : several_warps;
  return present;
}

const char* name_of(const Touch& past) {
  if (by_earlier_block(past)) return "another block";
  if (past.who == several_warps) return "several warps";
  return past.who & several_lanes ? "several lanes of one warp" : "another thread";
}

}  // namespace

void CellsDeleter::operator()(Cell* cells) const { free(cells); }

Cells make_cells(size_t count) {  // calloc: pages that are never touched cost nothing
  return Cells(static_cast<Cell*>(calloc(count + 1, sizeof(Cell))));
}

void start_phases() { phase = block_start = 0; }

void start_block_phase() { block_start = ++phase; }

void next_phase() { ++phase; }

namespace {

void touch(Cell& cell, Kind kind, const char* space, size_t position, const void* site) {
  const auto report_race = [=](const char* what, const char* whose) {
    report("race", site, "%s by %s, with no barrier between: %s byte %zu", what, whose, space,
           position);
  };
  const bool both_atomic = kind == Kind::atomic && cell.atomic_store;
  if (!both_atomic && !is_ordered(cell.store))
    report_race(kind == Kind::load ? "load of a store" : "store over a store", name_of(cell.store));
  if (kind == Kind::load) {
    cell.loaded_by_earlier_block |= by_earlier_block(cell.load);
    cell.load = joined(cell.load);
    return;
  }
  if (!is_ordered(cell.load))
    report_race("store over a load", name_of(cell.load));
  else if (cell.loaded_by_earlier_block && !machine.launch->trust_other_blocks)
    report_race("store over a load", "another block");
  cell.store = both_atomic ? joined(cell.store) : now();
  cell.atomic_store = kind == Kind::atomic;
  cell.load = {};
  cell.loaded_by_earlier_block = false;
}

}  // namespace

void touch_global(Cell& cell, Kind kind, size_t position, const void* site) {
  touch(cell, kind, "global", position, site);
}

void touch_shared(Cell& cell, Kind kind, size_t position, const void* site) {
  // Each block has shared memory of its own.
  if (by_earlier_block(cell.store)) cell.store = {};
  if (by_earlier_block(cell.load)) cell.load = {};
  if (kind != Kind::store && !cell.store.phase)
    report("uninitialised-shared", site, "load of shared byte %zu, which nobody wrote", position);
  touch(cell, kind, "shared", position, site);
}

}  // namespace emulator
