// Atomic operations. Threads give way at collectives only, so that a plain update is atomic.
#pragma once
#include "builtins.h"

extern "C" void emulator_atomic(const void* address, unsigned size, const void* site);

template <class T> struct EmulatorSame {
  using Type = T;
};

#define EMULATOR_ATOMIC(NAME, UPDATED)                                                             \
  template <class T> EMULATOR_UNCHECKED T NAME(T* address, typename EmulatorSame<T>::Type value) { \
    emulator_atomic(address, sizeof(T), __builtin_return_address(0));                              \
    const T old = *address;                                                                        \
    *address = (UPDATED);                                                                          \
    return old;                                                                                    \
  }
EMULATOR_ATOMIC(atomicAdd, old + value)
EMULATOR_ATOMIC(atomicSub, old - value)
EMULATOR_ATOMIC(atomicMin, value < old ? value : old)
EMULATOR_ATOMIC(atomicMax, old < value ? value : old)
EMULATOR_ATOMIC(atomicAnd, old& value)
EMULATOR_ATOMIC(atomicOr, old | value)
EMULATOR_ATOMIC(atomicXor, old ^ value)
EMULATOR_ATOMIC(atomicExch, value)
EMULATOR_ATOMIC(atomicInc, old >= value ? 0 : old + 1)
EMULATOR_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1)

template <class T> EMULATOR_UNCHECKED T atomicCAS(T* address,
                                                  typename EmulatorSame<T>::Type expected,
                                                  typename EmulatorSame<T>::Type value) {
  emulator_atomic(address, sizeof(T), __builtin_return_address(0));
  const T old = *address;
  if (old == expected) *address = value;
  return old;
}
