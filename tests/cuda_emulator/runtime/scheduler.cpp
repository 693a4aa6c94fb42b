// Who runs next: threads run until they wait, in an order of choice, until the block is done.
#include "machine.h"

emulator::Index threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

Machine machine;

namespace {

uint64_t random_state;

uint64_t random_number() {  // splitmix64
  uint64_t z = random_state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

bool run_if_ready(Thread& thread) {
  if (thread.state != State::ready || machine.stopped) return false;
  enter_fiber(thread);
  return true;
}

bool run_each() {
  uint64_t order[max_threads];
  put_in_order(order, machine.thread_count);
  bool ran = false;
  for (unsigned k = 0; k < machine.thread_count; ++k)
    ran |= run_if_ready(machine.threads[order[k]]);
  return ran;
}

bool run_warp(unsigned warp) {
  bool ran = false;
  for (unsigned n = warp * warp_size; n < (warp + 1) * warp_size && n < machine.thread_count; ++n)
    ran |= run_if_ready(machine.threads[n]);
  return ran;
}

// One warp goes as far as it can before the next begins.
bool run_greedily() {
  uint64_t order[max_threads / warp_size];
  const unsigned warps = (machine.thread_count + warp_size - 1) / warp_size;
  put_in_order(order, warps);
  bool ran = false;
  for (unsigned k = 0; k < warps; ++k)
    while (run_warp(order[k])) ran = true;
  return ran;
}

unsigned count(State state) {
  unsigned n = 0;
  for (unsigned k = 0; k < machine.thread_count; ++k) n += machine.threads[k].state == state;
  return n;
}

// The lanes that a warp waits for may have exited rather than come.
bool complete_warps() {
  bool any = false;
  for (unsigned k = 0; k < machine.thread_count; ++k)
    if (machine.threads[k].state == State::in_warp) any |= try_to_complete(machine.threads[k]);
  return any;
}

uint64_t barrier_result(int operation, unsigned predicates, unsigned arrived) {
  switch (operation) {
    case EMULATOR_BARRIER_COUNT:
      return predicates;
    case EMULATOR_BARRIER_AND:
      return predicates == arrived;
    case EMULATOR_BARRIER_OR:
      return predicates != 0;
    default:
      return 0;
  }
}

void check_barrier(Thread& first, unsigned arrived) {
  machine.current = &first;
  if (arrived < machine.thread_count)
    report("exited-at-barrier", first.site, "%u threads exited before a barrier that %u reach",
           machine.thread_count - arrived, arrived);
  for (unsigned k = 0; k < machine.thread_count; ++k) {
    const Thread& other = machine.threads[k];
    if (other.state == State::at_barrier &&
        (other.line != first.line || other.operation != first.operation))
      report("divergent-barrier", first.site,
             "thread %u waits here, thread %u at the barrier in line %u", first.number,
             other.number, other.line);
  }
  machine.current = nullptr;
}

void release_barrier(unsigned arrived) {
  Thread* first = machine.threads;
  while (first->state != State::at_barrier) ++first;
  check_barrier(*first, arrived);
  unsigned predicates = 0;
  for (unsigned k = 0; k < machine.thread_count; ++k)
    if (machine.threads[k].state == State::at_barrier) predicates += machine.threads[k].value != 0;
  const uint64_t result = barrier_result(first->operation, predicates, arrived);
  for (unsigned k = 0; k < machine.thread_count; ++k) {
    Thread& thread = machine.threads[k];
    if (thread.state != State::at_barrier) continue;
    thread.result = result;
    thread.state = State::ready;
  }
  ++machine.barriers;
  pass_barrier();
}

void report_deadlock() {
  Thread* waiting = machine.threads;
  while (waiting->state != State::in_warp) ++waiting;
  machine.current = waiting;
  report("deadlock", waiting->site,
         "lane %u waits for the lanes of mask %08x: %u threads of the block are at a barrier, "
         "%u have exited",
         waiting->lane(), waiting->mask, count(State::at_barrier), count(State::exited));
  machine.current = nullptr;
  machine.stopped = true;
}

}  // namespace

void run_block() {
  for (unsigned k = 0; k < machine.thread_count; ++k) {
    machine.threads[k].state = State::ready;
    machine.threads[k].warp_phase = 0;
    prepare_fiber(machine.threads[k]);
  }
  while (!machine.stopped) {
    while (machine.launch->order == Order::greedy ? run_greedily() : run_each()) {
    }
    if (machine.stopped || complete_warps()) continue;
    const unsigned exited = count(State::exited), arrived = count(State::at_barrier);
    if (exited == machine.thread_count) return;
    if (exited + arrived == machine.thread_count)
      release_barrier(arrived);
    else
      report_deadlock();
  }
}

void stop() {
  machine.stopped = true;
  for (;;) leave_fiber();
}

void seed_random_numbers(uint64_t seed) { random_state = seed; }

void put_in_order(uint64_t* items, uint64_t count) {
  const Order order = machine.launch->order;
  for (uint64_t k = 0; k < count; ++k) items[k] = order == Order::reverse ? count - 1 - k : k;
  if (order == Order::forward || order == Order::reverse) return;
  for (uint64_t k = count; k > 1; --k) {
    const uint64_t other = (random_number() >> 32) * k >> 32;
    const uint64_t item = items[k - 1];
    items[k - 1] = items[other];
    items[other] = item;
  }
}

}  // namespace emulator
