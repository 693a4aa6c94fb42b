// The way in from Python: run the blocks of a grid, one after another.
#include <link.h>

#include <algorithm>
#include <vector>

#include "coalescing.h"
#include "faults.h"
#include "float_mode.h"
#include "machine.h"
#include "signals.h"

extern "C" void* __tls_get_addr(void* part);

namespace emulator {
namespace {

struct Module {  // as exports.h has it
  void* code;
  char* dynamic;
  size_t dynamic_bytes;
};

struct Outcome {  // as Python reads it
  uint64_t barriers;
  unsigned fault_count;
  const Fault* faults;
  unsigned site_count;
  const Site* sites;
};

struct ThreadLocalPart {
  size_t number;  // of the module that it belongs to
  size_t offset;
};

int find_module(dl_phdr_info* info, size_t, void* code) {
  uintptr_t begin = ~uintptr_t(0), end = 0;
  size_t shared_bytes = 0;
  for (int k = 0; k < info->dlpi_phnum; ++k) {
    const ElfW(Phdr) & part = info->dlpi_phdr[k];
    if (part.p_type == PT_TLS) shared_bytes = part.p_memsz;
    if (part.p_type != PT_LOAD) continue;
    begin = std::min<uintptr_t>(begin, info->dlpi_addr + part.p_vaddr);
    end = std::max<uintptr_t>(end, info->dlpi_addr + part.p_vaddr + part.p_memsz);
  }
  if (reinterpret_cast<uintptr_t>(code) - begin >= end - begin) return 0;
  machine.code_begin = info->dlpi_addr;
  machine.code_end = end;
  ThreadLocalPart part = {info->dlpi_tls_modid, 0};
  machine.shared_begin = shared_bytes ? static_cast<char*>(__tls_get_addr(&part)) : nullptr;
  machine.shared_end = machine.shared_begin + shared_bytes;
  return 1;
}

void find_memory(void (*describe_module)(Module*)) {
  Module module;
  describe_module(&module);
  machine.dynamic_begin = module.dynamic;
  machine.dynamic_capacity = module.dynamic_bytes;
  dl_iterate_phdr(find_module, module.code);
}

// 0xff bytes are a NaN in every floating type. A strip past the dynamic array is refilled too, for
// kernels that run unchecked.
void refill_shared_memory() {
  constexpr size_t strip = 1024;
  constexpr char poison = char(0xff);
  char* const dynamic = machine.dynamic_begin ? machine.dynamic_begin : machine.shared_end;
  const size_t used = std::min(machine.dynamic_capacity, machine.launch->shared_bytes + strip);
  char* const rest = dynamic + machine.dynamic_capacity;
  std::fill(machine.shared_begin, dynamic, poison);
  std::fill(dynamic, dynamic + used, poison);
  std::fill(rest, machine.shared_end, poison);
}

void prepare_threads() {
  const Index& block = machine.launch->block;
  machine.thread_count = block.x * block.y * block.z;
  for (unsigned k = 0; k < max_threads; ++k) {  // those past the count have exited for ever
    machine.threads[k] = {};
    machine.threads[k].state = State::exited;
    machine.threads[k].number = k;
    machine.threads[k].index = {k % block.x, k / block.x % block.y, k / block.x / block.y};
  }
}

std::vector<uint64_t> ordered_blocks() {
  const Launch& launch = *machine.launch;
  const uint64_t all = uint64_t(launch.grid.x) * launch.grid.y * launch.grid.z;
  std::vector<uint64_t> blocks(launch.blocks ? launch.block_count : all);
  put_in_order(blocks.data(), blocks.size());
  if (launch.blocks)
    for (uint64_t& block : blocks) block = launch.blocks[block];
  return blocks;
}

void run_blocks() {
  const Index& grid = machine.launch->grid;
  for (const uint64_t block : ordered_blocks()) {
    blockIdx = {unsigned(block % grid.x), unsigned(block / grid.x % grid.y),
                unsigned(block / grid.x / grid.y)};
    refill_shared_memory();
    start_block_checks();
    run_block();
    end_block_checks();
    if (machine.stopped) return;
  }
}

}  // namespace
}  // namespace emulator

using namespace emulator;

extern "C" size_t emulator_static_shared_bytes(void (*describe_module)(Module*)) {
  find_memory(describe_module);
  return machine.shared_end - machine.shared_begin - machine.dynamic_capacity;
}

extern "C" void emulator_launch(void (*describe_module)(Module*), void (*kernel)(void**),
                                void** arguments, const Launch* launch, Outcome* outcome) {
  machine.launch = launch;
  machine.kernel = kernel;
  machine.arguments = arguments;
  machine.stopped = false;
  machine.barriers = 0;
  gridDim = launch->grid;
  blockDim = launch->block;
  find_memory(describe_module);
  clear_faults();
  seed_random_numbers(launch->seed);
  prepare_threads();
  start_access_checks();
  {
    const SignalGuard guard;
    const FloatMode mode(launch->flush);
    run_blocks();
  }
  end_access_checks();
  *outcome = {machine.barriers, faults.count, faults.list, count_sites(), sites()};
}
