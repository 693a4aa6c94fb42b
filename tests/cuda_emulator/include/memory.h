// Copies, and loads and stores with a hint to the caches, which the emulator has not.
#pragma once
#include "builtins.h"

extern "C" {
void* memcpy(void* to, const void* from, size_t size) noexcept;
void* memset(void* to, int byte, size_t size) noexcept;
}

#define EMULATOR_LOAD(NAME) \
  template <class T> EMULATOR_INLINE T NAME(const T* from) { return *from; }
#define EMULATOR_STORE(NAME) \
  template <class T> EMULATOR_INLINE void NAME(T* to, T value) { *to = value; }

EMULATOR_LOAD(__ldg)
EMULATOR_LOAD(__ldca)
EMULATOR_LOAD(__ldcg)
EMULATOR_LOAD(__ldcs)
EMULATOR_LOAD(__ldcv)
EMULATOR_LOAD(__ldlu)
EMULATOR_STORE(__stwb)
EMULATOR_STORE(__stcg)
EMULATOR_STORE(__stcs)
EMULATOR_STORE(__stwt)
