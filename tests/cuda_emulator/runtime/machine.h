// The emulated machine: one block at a time, a fiber for each of its threads.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../include/operations.h"

namespace emulator {

constexpr unsigned warp_size = 32;
constexpr unsigned max_threads = 1024;

struct Index {
  unsigned x, y, z;
};

enum class State : uint8_t { ready, at_barrier, in_warp, exited };

struct Thread {
  void* stack_pointer;
  Index index;
  unsigned number;
  unsigned warp_phase;  // changes with each __syncwarp
  State state;
  // What it waits in, and what it brought there.
  int operation;
  unsigned mask;
  int argument, width;
  unsigned line;
  uint64_t value;
  uint64_t result;
  const void* site;

  unsigned warp() const { return number / warp_size; }
  unsigned lane() const { return number % warp_size; }
};

struct Region {  // a piece of global memory that the kernel may use
  uintptr_t begin, end;
  bool writable;
  uint8_t *loads, *stores;  // counts, one a byte
};

enum class Order : int { forward, reverse, random, greedy };

struct Launch {
  Index grid, block;
  uint64_t shared_bytes;
  uint64_t seed;
  Order order;
  bool checked, flush, trust_other_blocks;
  unsigned region_count;
  const Region* regions;
  uint64_t block_count;  // of `blocks`, or zero for the whole grid
  const uint64_t* blocks;
};

struct Machine {
  Thread threads[max_threads];
  unsigned thread_count;
  Thread* current;  // null while the scheduler runs
  void* scheduler_stack;
  void (*kernel)(void**);
  void** arguments;
  const Launch* launch;
  bool stopped;  // by a fault that nothing can follow
  uint64_t barriers;

  uintptr_t code_begin, code_end;   // the kernel's module and its constants
  char *shared_begin, *shared_end;  // its thread-local memory: shared memory
  char* dynamic_begin;              // the dynamic array therein, if any
  size_t dynamic_capacity;
};

extern Machine machine;

// scheduler.cpp
void run_block();
[[noreturn]] void stop();
void seed_random_numbers(uint64_t seed);
void put_in_order(uint64_t* items, uint64_t count);

// fibers.cpp
void prepare_fiber(Thread&);
void enter_fiber(Thread&);
void leave_fiber();
bool on_a_stack(uintptr_t);

// collectives.cpp
bool try_to_complete(const Thread&);

// faults.cpp
void clear_faults();
void report(const char* kind, const void* site, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

// access.cpp
enum class Kind : uint8_t { load, store, atomic };
void start_access_checks();
void end_access_checks();
void start_block_checks();
void end_block_checks();
void pass_barrier();
void access(uintptr_t address, size_t size, Kind, const void* site);

}  // namespace emulator

extern "C" emulator::Index threadIdx, blockIdx, blockDim, gridDim;
