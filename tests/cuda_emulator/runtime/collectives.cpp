// What threads do together: barriers of the block, and the operations of a warp.
#include <algorithm>

#include "machine.h"

namespace emulator {
namespace {

struct Warp {  // the lanes that complete an operation together
  Thread* lanes;
  unsigned arrived;

  bool has(unsigned lane) const { return lane < warp_size && arrived >> lane & 1; }
};

int source_lane(const Thread& thread) {
  const int lane = thread.lane(), first = lane & ~(thread.width - 1), end = first + thread.width;
  int source = lane;
  switch (thread.operation) {
    case EMULATOR_SHUFFLE:
      return first + (thread.argument & (thread.width - 1));
    case EMULATOR_SHUFFLE_UP:
      source = lane - thread.argument;
      break;
    case EMULATOR_SHUFFLE_DOWN:
      source = lane + thread.argument;
      break;
    case EMULATOR_SHUFFLE_XOR:
      source = lane ^ thread.argument;
      break;
  }
  // A lane above the segment is out of reach; one below is, but for an exchange.
  const bool below = source < first && thread.operation != EMULATOR_SHUFFLE_XOR;
  return below || source >= end ? lane : source;
}

uint64_t shuffled(const Warp& warp, Thread& thread) {
  const int source = source_lane(thread);
  if (warp.has(source)) return warp.lanes[source].value;
  Thread* const current = machine.current;
  machine.current = &thread;
  report("inactive-lane", thread.site,
         "lane %u reads lane %d, which is not in mask %08x or has exited", thread.lane(), source,
         thread.mask);
  machine.current = current;
  return ~uint64_t(0);
}

unsigned votes(const Warp& warp) {
  unsigned ballot = 0;
  for (unsigned k = 0; k < warp_size; ++k)
    if (warp.has(k)) ballot |= unsigned(warp.lanes[k].value != 0) << k;
  return ballot;
}

unsigned combined(int operation, unsigned a, unsigned b) {
  switch (operation) {
    case EMULATOR_ADD:
      return a + b;
    case EMULATOR_MIN:
      return int(b) < int(a) ? b : a;
    case EMULATOR_MAX:
      return int(b) > int(a) ? b : a;
    case EMULATOR_UNSIGNED_MIN:
      return b < a ? b : a;
    case EMULATOR_UNSIGNED_MAX:
      return b > a ? b : a;
    case EMULATOR_AND:
      return a & b;
    case EMULATOR_OR:
      return a | b;
    default:
      return a ^ b;
  }
}

unsigned reduced(const Warp& warp, int operation) {
  unsigned k = __builtin_ctz(warp.arrived);
  unsigned result = warp.lanes[k].value;
  while (++k < warp_size)
    if (warp.has(k)) result = combined(operation, result, warp.lanes[k].value);
  return result;
}

uint64_t common_result(const Warp& warp, int operation) {
  switch (operation) {
    case EMULATOR_SYNCWARP:
      return 0;
    case EMULATOR_BALLOT:
      return votes(warp);
    case EMULATOR_ANY:
      return votes(warp) != 0;
    case EMULATOR_ALL:
      return votes(warp) == warp.arrived;
    default:
      return reduced(warp, operation);
  }
}

// A phase that none of these lanes has seen.
void start_phase(const Warp& warp) {
  unsigned latest = 0;
  for (unsigned k = 0; k < warp_size; ++k)
    if (warp.has(k)) latest = std::max(latest, warp.lanes[k].warp_phase);
  for (unsigned k = 0; k < warp_size; ++k)
    if (warp.has(k)) warp.lanes[k].warp_phase = latest + 1;
}

void complete(const Warp& warp, int operation) {
  const bool shuffle = operation >= EMULATOR_SHUFFLE && operation <= EMULATOR_SHUFFLE_XOR;
  const uint64_t common = shuffle ? 0 : common_result(warp, operation);
  for (unsigned k = 0; k < warp_size; ++k)
    if (warp.has(k)) warp.lanes[k].result = shuffle ? shuffled(warp, warp.lanes[k]) : common;
  if (operation == EMULATOR_SYNCWARP) start_phase(warp);
  for (unsigned k = 0; k < warp_size; ++k)
    if (warp.has(k)) warp.lanes[k].state = State::ready;
}

}  // namespace

// Complete the operation that this thread waits in, if every living lane of its mask waits too.
bool try_to_complete(const Thread& thread) {
  Thread* const lanes = machine.threads + thread.warp() * warp_size;
  unsigned arrived = 0;
  for (unsigned step = 1; step <= warp_size; ++step) {
    // The next lane comes first: it is the likeliest to be on its way still.
    const unsigned k = (thread.lane() + step) % warp_size;
    const Thread& other = lanes[k];
    if (!(thread.mask >> k & 1) || other.state == State::exited) continue;
    if (other.state != State::in_warp || other.mask != thread.mask ||
        other.operation != thread.operation)
      return false;
    arrived |= 1u << k;
  }
  complete({lanes, arrived}, thread.operation);
  return true;
}

}  // namespace emulator

using namespace emulator;

extern "C" int emulator_barrier(int operation, int predicate, unsigned line) {
  Thread& thread = *machine.current;
  thread.operation = operation;
  thread.value = predicate != 0;
  thread.line = line;
  thread.site = __builtin_return_address(0);
  thread.state = State::at_barrier;
  leave_fiber();
  return int(thread.result);
}

extern "C" uint64_t emulator_warp(int operation, unsigned mask, uint64_t value, int argument,
                                  int width) {
  Thread& thread = *machine.current;
  thread.site = __builtin_return_address(0);
  if (!(mask >> thread.lane() & 1)) {
    report("mask", thread.site, "lane %u is not in the mask %08x that it names", thread.lane(),
           mask);
    stop();
  }
  thread.operation = operation;
  thread.mask = mask;
  thread.value = value;
  thread.argument = argument;
  thread.width = width;
  thread.state = State::in_warp;
  if (!try_to_complete(thread)) leave_fiber();
  return thread.result;
}

extern "C" void emulator_trap() {
  report("trap", __builtin_return_address(0), "__trap()");
  stop();
}
