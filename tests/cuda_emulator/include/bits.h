// Numbers as bits, and the counting of bits.
#pragma once
#include "builtins.h"

template <class To, class From> EMULATOR_INLINE To emulator_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "a cast of bits keeps their number");
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

EMULATOR_INLINE float __int_as_float(int x) { return emulator_cast<float>(x); }
EMULATOR_INLINE float __uint_as_float(unsigned x) { return emulator_cast<float>(x); }
EMULATOR_INLINE int __float_as_int(float x) { return emulator_cast<int>(x); }
EMULATOR_INLINE unsigned __float_as_uint(float x) { return emulator_cast<unsigned>(x); }
EMULATOR_INLINE double __longlong_as_double(long long x) { return emulator_cast<double>(x); }
EMULATOR_INLINE long long __double_as_longlong(double x) { return emulator_cast<long long>(x); }
EMULATOR_INLINE double __hiloint2double(int high, int low) {
  return emulator_cast<double>((uint64_t)(unsigned)high << 32 | (unsigned)low);
}
EMULATOR_INLINE int __double2hiint(double x) { return (int)(emulator_cast<uint64_t>(x) >> 32); }
EMULATOR_INLINE int __double2loint(double x) { return (int)emulator_cast<uint64_t>(x); }

EMULATOR_INLINE int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
EMULATOR_INLINE int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
EMULATOR_INLINE int __ffs(int x) { return __builtin_ffs(x); }
EMULATOR_INLINE int __ffsll(long long x) { return __builtin_ffsll(x); }
EMULATOR_INLINE int __popc(unsigned x) { return __builtin_popcount(x); }
EMULATOR_INLINE int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline unsigned __brev(unsigned x) {
  unsigned reversed = 0;
  for (int i = 0; i < 32; ++i) reversed |= (x >> i & 1u) << (31 - i);
  return reversed;
}
EMULATOR_INLINE unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const uint64_t bytes = (uint64_t)y << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned choice = selector >> 4 * i & 15;
    unsigned byte = bytes >> 8 * (choice & 7) & 0xff;
    if (choice & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= byte << 8 * i;
  }
  return result;
}
EMULATOR_INLINE int __mulhi(int x, int y) { return (int)((long long)x * y >> 32); }
EMULATOR_INLINE unsigned __umulhi(unsigned x, unsigned y) { return (uint64_t)x * y >> 32; }
EMULATOR_INLINE unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return (unsigned)(((uint64_t)high << 32 | low) >> (shift & 31));
}
EMULATOR_INLINE unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return (unsigned)((((uint64_t)high << 32 | low) << (shift & 31)) >> 32);
}
