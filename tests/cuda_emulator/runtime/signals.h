// Faults that the processor finds, such as a store to no memory at all, while a launch lasts.
#pragma once
#include <signal.h>

namespace emulator {

class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  stack_t stack_before_;
  struct sigaction actions_before_[3];
};

}  // namespace emulator
