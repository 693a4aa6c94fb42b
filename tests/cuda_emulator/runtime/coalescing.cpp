// Lanes of a warp that execute an instruction for the n-th time make its n-th request together.
#include "coalescing.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

namespace emulator {
namespace {

constexpr unsigned sector_shift = 5;

using Turns = std::array<uint32_t, max_threads>;  // how often each thread has been at a site
using Key = unsigned __int128;                    // site, warp, turn and, least, sector

std::vector<Site> list;
std::vector<Turns> turns;
std::unordered_map<uintptr_t, unsigned> numbers;
std::vector<Key> touched;  // by the block

unsigned site_number(uintptr_t address, bool is_store) {
  const auto [known, is_new] = numbers.try_emplace(address, list.size());
  if (is_new) {
    list.push_back({address - 1 - machine.code_begin, is_store, 0, 0, 0});
    turns.emplace_back().fill(0);
  }
  return known->second;
}

Key key(unsigned site, unsigned warp, uint32_t turn, uint64_t sector) {
  return (Key(site) << 37 | Key(warp) << 32 | turn) << 64 | sector;
}

}  // namespace

void start_counting() {
  list.clear();
  turns.clear();
  numbers.clear();
  touched.clear();
}

void count_request(uintptr_t address, size_t size, bool is_store, const void* place) {
  const unsigned site = site_number(reinterpret_cast<uintptr_t>(place), is_store);
  const Thread& thread = *machine.current;
  const uint32_t turn = turns[site][thread.number]++;
  list[site].bytes += size;
  for (uint64_t sector = address >> sector_shift; sector <= (address + size - 1) >> sector_shift;
       ++sector)
    touched.push_back(key(site, thread.warp(), turn, sector));
}

void count_sectors_of_block() {
  std::sort(touched.begin(), touched.end());
  for (size_t k = 0; k < touched.size(); ++k) {
    Site& site = list[unsigned(touched[k] >> 101)];
    site.sectors += k == 0 || touched[k] != touched[k - 1];
    site.requests += k == 0 || touched[k] >> 64 != touched[k - 1] >> 64;
  }
  touched.clear();
  for (Turns& each : turns) each.fill(0);
}

unsigned count_sites() { return list.size(); }

const Site* sites() { return list.data(); }

}  // namespace emulator
