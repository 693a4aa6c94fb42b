// Included after the kernel: what the runtime and Python need to know of it.
#pragma once
#include "builtins.h"

struct EmulatorParameter {
  unsigned size;
  char kind;  // b i u f: bool, signed, unsigned, float; p: pointer; h g: half, bfloat16; s
  unsigned pointed_size;
  char pointed_kind;  // v: void
  bool pointed_const;
};

struct EmulatorModule {
  void* code;
  char* dynamic;
  size_t dynamic_bytes;
};

struct __half;
struct __nv_bfloat16;

namespace emulator {

template <class T> constexpr char kind = 's';
template <> constexpr char kind<void> = 'v';
template <> constexpr char kind<bool> = 'b';
template <> constexpr char kind<float> = 'f';
template <> constexpr char kind<double> = 'f';
template <> constexpr char kind<__half> = 'h';
template <> constexpr char kind<__nv_bfloat16> = 'g';
template <> constexpr char kind<char> = 'i';
template <> constexpr char kind<signed char> = 'i';
template <> constexpr char kind<short> = 'i';
template <> constexpr char kind<int> = 'i';
template <> constexpr char kind<long> = 'i';
template <> constexpr char kind<long long> = 'i';
template <> constexpr char kind<unsigned char> = 'u';
template <> constexpr char kind<unsigned short> = 'u';
template <> constexpr char kind<unsigned> = 'u';
template <> constexpr char kind<unsigned long> = 'u';
template <> constexpr char kind<unsigned long long> = 'u';

template <class T> constexpr unsigned size = sizeof(T);
template <> constexpr unsigned size<void> = 1;

template <class T> struct Describe {
  static constexpr EmulatorParameter value = {sizeof(T), kind<T>, 0, 'v', false};
};
template <class T> struct Describe<const T> : Describe<T> {};
template <class T> struct Describe<T*> {
  static constexpr EmulatorParameter value = {sizeof(T*), 'p', size<T>, kind<T>, false};
};
template <class T> struct Describe<const T*> {
  static constexpr EmulatorParameter value = {sizeof(T*), 'p', size<T>, kind<T>, true};
};

template <class... P>
EMULATOR_UNCHECKED int describe(void (*)(P...), EmulatorParameter* parameters) {
  int n = 0;
  ((parameters[n++] = Describe<P>::value), ...);
  return n;
}

constexpr int max_threads(int threads = 1024, int = 0, int = 0) { return threads; }

// A constructor, since only the arguments in braces are evaluated from left to right.
struct Call {
  template <class... P> EMULATOR_INLINE Call(void (*kernel)(P...), P... arguments) {
    kernel(arguments...);
  }
};
template <class... P> EMULATOR_UNCHECKED void call(void (*kernel)(P...), void** arguments) {
  Call{kernel, *(P*)*arguments++...};
}

}  // namespace emulator

#define EMULATOR_KERNELS(NAMES)                      \
  extern "C" {                                       \
  extern const char* const emulator_kernels = NAMES; \
  }

// BOUNDS are those of __launch_bounds__, in parentheses; the kernel itself may have commas.
#define EMULATOR_KERNEL(NAME, BOUNDS, ...)                                         \
  extern "C" int emulator_bounds_##NAME() { return emulator::max_threads BOUNDS; } \
  extern "C" int emulator_describe_##NAME(EmulatorParameter* parameters) {         \
    return emulator::describe(&__VA_ARGS__, parameters);                           \
  }                                                                                \
  extern "C" void emulator_call_##NAME(void** arguments) {                         \
    emulator::call(&__VA_ARGS__, arguments);                                       \
  }

// The dynamic shared array, as long as the largest that a block can have.
#define EMULATOR_DYNAMIC(TYPE, NAME, BYTES)                    \
  alignas(128) thread_local TYPE NAME[(BYTES) / sizeof(TYPE)]; \
  EMULATOR_MODULE(NAME, sizeof NAME)

// Called by the thread that launches: what is thread-local lies elsewhere in another.
#define EMULATOR_MODULE(DYNAMIC, BYTES)                                        \
  extern "C" EMULATOR_UNCHECKED void emulator_module(EmulatorModule* module) { \
    *module = {(void*)&emulator_module, (char*)DYNAMIC, BYTES};                \
  }
