// The list of faults of a launch: each kind once a place.
#include "faults.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "machine.h"

namespace emulator {

FaultList faults;

namespace {

bool is_known(const char* kind, uint64_t site) {
  for (unsigned k = 0; k < faults.count; ++k)
    if (faults.list[k].site == site && !strcmp(faults.list[k].kind, kind)) return true;
  return false;
}

}  // namespace

void clear_faults() { faults.count = 0; }

void report(const char* kind, const void* place, const char* format, ...) {
  // A return address: the call ends one byte before.
  const uint64_t site = reinterpret_cast<uintptr_t>(place) - 1 - machine.code_begin;
  if (is_known(kind, site) || faults.count == max_faults) return;
  Fault& fault = faults.list[faults.count++];
  fault = {};
  fault.site = site;
  fault.block = blockIdx;
  if (machine.current) fault.thread = machine.current->index;
  snprintf(fault.kind, sizeof fault.kind, "%s", kind);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(fault.text, sizeof fault.text, format, arguments);
  va_end(arguments);
}

}  // namespace emulator
