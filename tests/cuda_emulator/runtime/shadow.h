// What is remembered of each byte of shared and global memory, to find accesses without an order.
#pragma once
#include <memory>

#include "machine.h"

namespace emulator {

struct Touch {
  uint32_t phase;  // counts the barriers of all blocks; zero: never
  uint16_t who;    // a thread, or several of one warp, or of several
  uint16_t warp_phase;
};

struct Cell {
  Touch load, store;
  bool atomic_store;
  bool loaded_by_earlier_block;
};

struct CellsDeleter {
  void operator()(Cell* cells) const;
};
using Cells = std::unique_ptr<Cell[], CellsDeleter>;
Cells make_cells(size_t count);

void start_phases();
void start_block_phase();
void next_phase();

// `position` is the number of the byte in its array, for the report.
void touch_global(Cell&, Kind, size_t position, const void* site);
void touch_shared(Cell&, Kind, size_t position, const void* site);

}  // namespace emulator
