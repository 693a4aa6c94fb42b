// How many requests each line of a kernel makes to global memory, and how many sectors they move.
#pragma once
#include "machine.h"

namespace emulator {

struct Site {        // as Python reads it
  uint64_t address;  // in the module
  uint64_t is_store;
  uint64_t requests;  // of a warp
  uint64_t sectors;   // of 32 bytes
  uint64_t bytes;     // that threads asked for
};

void start_counting();
void count_request(uintptr_t address, size_t size, bool is_store, const void* place);
void count_sectors_of_block();
unsigned count_sites();
const Site* sites();

}  // namespace emulator
