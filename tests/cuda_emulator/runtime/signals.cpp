// A signal within a kernel becomes a fault; Python, whose thread it is, goes on.
#include "signals.h"

#include <ucontext.h>

#include "machine.h"

namespace emulator {
namespace {

constexpr int caught[] = {SIGSEGV, SIGBUS, SIGFPE};
constexpr size_t red_zone = 256;

// Go on in stop(), in the fiber: a handler must not switch stacks itself.
void continue_in_stop(ucontext_t* context) {
#if defined(__x86_64__)
  auto& registers = context->uc_mcontext.gregs;
  registers[REG_RSP] = ((registers[REG_RSP] - red_zone) & ~15) - 8;
  registers[REG_RIP] = reinterpret_cast<greg_t>(&stop);
#elif defined(__aarch64__)
  context->uc_mcontext.sp = (context->uc_mcontext.sp - red_zone) & ~15ull;
  context->uc_mcontext.pc = reinterpret_cast<uintptr_t>(&stop);
#endif
}

const char* place_of(const ucontext_t* context) {
#if defined(__x86_64__)
  return reinterpret_cast<const char*>(context->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<const char*>(context->uc_mcontext.pc);
#endif
}

void handle(int number, siginfo_t* info, void* context) {
  if (!machine.current) {
    signal(number, SIG_DFL);  // none of the kernel's: it comes again, and is fatal
    return;
  }
  const char* const after = place_of(static_cast<ucontext_t*>(context)) + 1;
  if (number == SIGFPE)
    report("division-by-zero", after, "division of integers");
  else
    report("out-of-bounds", after, "access to address %p", info->si_addr);
  continue_in_stop(static_cast<ucontext_t*>(context));
}

}  // namespace

SignalGuard::SignalGuard() {
  static char stack[64 << 10];
  stack_t own = {};
  own.ss_sp = stack;
  own.ss_size = sizeof stack;
  sigaltstack(&own, &stack_before_);
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (int k = 0; k < 3; ++k) sigaction(caught[k], &action, &actions_before_[k]);
}

SignalGuard::~SignalGuard() {
  for (int k = 0; k < 3; ++k) sigaction(caught[k], &actions_before_[k], nullptr);
  sigaltstack(&stack_before_, nullptr);
}

}  // namespace emulator
