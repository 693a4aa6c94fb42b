// Fibers: a stack for each thread, and the switch from one to another.
#include <sys/mman.h>

#include "machine.h"

// Saves the registers that a function must keep, and the stack pointer; loads those of the other.
extern "C" void emulator_switch(void** saved, void* loaded);

#if defined(__x86_64__)
asm(R"(
.text
.local emulator_switch
.type emulator_switch, @function
emulator_switch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
)");
constexpr int frame_words = 8, entry_word = 6;
#elif defined(__aarch64__)
asm(R"(
.text
.local emulator_switch
.type emulator_switch, %function
emulator_switch:
  sub sp, sp, #160
  stp x19, x20, [sp]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
)");
constexpr int frame_words = 20, entry_word = 11;
#else
#error "the emulator switches stacks on x86-64 and aarch64 only"
#endif

namespace emulator {
namespace {

constexpr size_t stack_bytes = 128 << 10;

char* stacks() {
  static char* const memory =
      static_cast<char*>(mmap(nullptr, stack_bytes * max_threads, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  return memory;
}

void fiber_main() {
  machine.kernel(machine.arguments);
  machine.current->state = State::exited;
  for (;;) leave_fiber();
}

}  // namespace

void prepare_fiber(Thread& thread) {
  // Stacks that began at one offset in their pages would contend for the same lines of the cache.
  const size_t offset = thread.number % 32 * 128;
  void** frame =
      reinterpret_cast<void**>(stacks() + (thread.number + 1) * stack_bytes - offset) - frame_words;
  for (int k = 0; k < frame_words; ++k) frame[k] = nullptr;
  frame[entry_word] = reinterpret_cast<void*>(&fiber_main);
  thread.stack_pointer = frame;
}

void enter_fiber(Thread& thread) {
  machine.current = &thread;
  threadIdx = thread.index;
  emulator_switch(&machine.scheduler_stack, thread.stack_pointer);
  machine.current = nullptr;
}

void leave_fiber() { emulator_switch(&machine.current->stack_pointer, machine.scheduler_stack); }

bool on_a_stack(uintptr_t address) {
  return address - reinterpret_cast<uintptr_t>(stacks()) < stack_bytes * max_threads;
}

}  // namespace emulator
