// What GCC's sanitizers call. Only their instrumentation is used: their libraries are not linked.
#include "machine.h"

using namespace emulator;

#define ACCESS_HOOKS(PREFIX, SIZE)                                                                \
  extern "C" void PREFIX##read##SIZE(void* address) {                                             \
    access(reinterpret_cast<uintptr_t>(address), SIZE, Kind::load, __builtin_return_address(0));  \
  }                                                                                               \
  extern "C" void PREFIX##write##SIZE(void* address) {                                            \
    access(reinterpret_cast<uintptr_t>(address), SIZE, Kind::store, __builtin_return_address(0)); \
  }
ACCESS_HOOKS(__tsan_, 1)
ACCESS_HOOKS(__tsan_, 2)
ACCESS_HOOKS(__tsan_, 4)
ACCESS_HOOKS(__tsan_, 8)
ACCESS_HOOKS(__tsan_, 16)
ACCESS_HOOKS(__tsan_unaligned_, 2)
ACCESS_HOOKS(__tsan_unaligned_, 4)
ACCESS_HOOKS(__tsan_unaligned_, 8)
ACCESS_HOOKS(__tsan_unaligned_, 16)

extern "C" {

void __tsan_read_range(void* address, size_t size) {
  access(reinterpret_cast<uintptr_t>(address), size, Kind::load, __builtin_return_address(0));
}
void __tsan_write_range(void* address, size_t size) {
  access(reinterpret_cast<uintptr_t>(address), size, Kind::store, __builtin_return_address(0));
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

void emulator_atomic(const void* address, unsigned size, const void* site) {
  const uintptr_t number = reinterpret_cast<uintptr_t>(address);
  if (number % size) {
    report("misaligned", site, "atomic operation on %u bytes", size);
    stop();
  }
  access(number, size, Kind::atomic, site);
}
}

#define UNDEFINED_HOOK(NAME, KIND, TEXT, FATAL)       \
  extern "C" void __ubsan_handle_##NAME(void*, ...) { \
    report(KIND, __builtin_return_address(0), TEXT);  \
    if (FATAL) stop();                                \
  }
UNDEFINED_HOOK(add_overflow, "integer-overflow", "signed addition", false)
UNDEFINED_HOOK(sub_overflow, "integer-overflow", "signed subtraction", false)
UNDEFINED_HOOK(mul_overflow, "integer-overflow", "signed multiplication", false)
UNDEFINED_HOOK(negate_overflow, "integer-overflow", "signed negation", false)
UNDEFINED_HOOK(divrem_overflow, "division-by-zero", "division of integers", true)
UNDEFINED_HOOK(shift_out_of_bounds, "shift", "shift by more than the number of bits", false)
UNDEFINED_HOOK(out_of_bounds, "out-of-bounds", "index past the end of an array", true)
UNDEFINED_HOOK(type_mismatch_v1, "misaligned", "access at a misaligned address", true)
