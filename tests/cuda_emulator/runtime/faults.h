// Faults as Python reads them.
#pragma once
#include "machine.h"

namespace emulator {

constexpr unsigned max_faults = 64;

struct Fault {
  char kind[32];
  char text[224];
  uint64_t site;  // an address in the kernel's module
  Index block, thread;
};

struct FaultList {
  unsigned count;
  Fault list[max_faults];
};

extern FaultList faults;

}  // namespace emulator
