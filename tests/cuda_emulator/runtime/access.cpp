// Every load and store of a checked kernel comes here: is it allowed, and is it in order?
#include <vector>

#include "coalescing.h"
#include "machine.h"
#include "shadow.h"

namespace emulator {
namespace {

Cells shared_cells;
std::vector<Cells> region_cells;

void check_shared(uintptr_t address, size_t size, Kind kind, const void* site) {
  const uintptr_t all = reinterpret_cast<uintptr_t>(machine.shared_begin);
  const uintptr_t dynamic = reinterpret_cast<uintptr_t>(machine.dynamic_begin);
  const bool is_dynamic = address - dynamic < machine.dynamic_capacity;
  const size_t position = address - (is_dynamic ? dynamic : all);
  if (is_dynamic && position + size > machine.launch->shared_bytes) {
    report("out-of-bounds", site,
           "%zu bytes at byte %zu of the dynamic shared array, which has %zu", size, position,
           size_t(machine.launch->shared_bytes));
    stop();
  }
  Cell* const cells = &shared_cells[address - all];
  for (size_t k = 0; k < size; ++k) touch_shared(cells[k], kind, position + k, site);
}

void count(uint8_t& counter) { counter += counter != 0xff; }

void check_region(unsigned number, uintptr_t address, size_t size, Kind kind, const void* site) {
  const Region& region = machine.launch->regions[number];
  if (kind != Kind::load && !region.writable)
    report("read-only", site, "store to a buffer that is read-only");
  const size_t position = address - region.begin;
  if (kind != Kind::atomic) count_request(address, size, kind == Kind::store, site);
  for (size_t k = position; k < position + size; ++k) {
    if (kind != Kind::store) count(region.loads[k]);
    if (kind != Kind::load) count(region.stores[k]);
    touch_global(region_cells[number][k], kind, k, site);
  }
}

bool holds(const Region& region, uintptr_t address, size_t size) {
  return address >= region.begin && address + size <= region.end;
}

void report_out_of_bounds(uintptr_t address, size_t size, Kind kind, const void* site) {
  const char* const what = kind == Kind::load ? "load" : "store";
  const Region* nearest = nullptr;
  uint64_t least = ~uint64_t(0);
  for (unsigned k = 0; k < machine.launch->region_count; ++k) {
    const Region& region = machine.launch->regions[k];
    const uint64_t distance =
        address < region.begin ? region.begin - address : address + size - region.end;
    if (distance < least) least = distance, nearest = &region;
  }
  if (!nearest)
    report("out-of-bounds", site, "%s of %zu bytes, and the kernel has no buffer", what, size);
  else if (address < nearest->begin)
    report("out-of-bounds", site, "%s of %zu bytes, %zu before the start of a buffer", what, size,
           size_t(least));
  else
    report("out-of-bounds", site, "%s of %zu bytes at byte %zu of a buffer of %zu", what, size,
           size_t(address - nearest->begin), size_t(nearest->end - nearest->begin));
}

void check_global(uintptr_t address, size_t size, Kind kind, const void* site) {
  for (unsigned k = 0; k < machine.launch->region_count; ++k)
    if (holds(machine.launch->regions[k], address, size))
      return check_region(k, address, size, kind, site);
  report_out_of_bounds(address, size, kind, site);
  stop();
}

}  // namespace

void start_access_checks() {
  start_phases();
  start_counting();
  if (!machine.launch->checked) return;
  shared_cells = make_cells(machine.shared_end - machine.shared_begin);
  region_cells.clear();
  for (unsigned k = 0; k < machine.launch->region_count; ++k)
    region_cells.push_back(
        make_cells(machine.launch->regions[k].end - machine.launch->regions[k].begin));
}

void end_access_checks() {
  shared_cells.reset();
  region_cells.clear();
}

void start_block_checks() { start_block_phase(); }

void end_block_checks() { count_sectors_of_block(); }

void pass_barrier() { next_phase(); }

void access(uintptr_t address, size_t size, Kind kind, const void* site) {
  if (on_a_stack(address) || !machine.launch->checked) return;
  if (address >= machine.code_begin && address < machine.code_end) return;
  if (address - reinterpret_cast<uintptr_t>(machine.shared_begin) <
      size_t(machine.shared_end - machine.shared_begin))
    check_shared(address, size, kind, site);
  else
    check_global(address, size, kind, site);
}

}  // namespace emulator
