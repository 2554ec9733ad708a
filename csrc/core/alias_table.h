// The alias table and the draw: one table lookup per draw (Walker 1977), in integers only.
#pragma once

#include <cstdint>

#include "core/macros.h"
#include "core/multiply_high.h"

namespace pysampler {

constexpr uint64_t kSlotMass = uint64_t{1} << 32;  // integer mass that one slot holds
constexpr uint64_t kMaxItems = 0xFFFFFFFFull;      // indices are 32-bit

// A slot of mass 2^32: its own item owns `threshold` of it, the alias the rest. A slot wholly owned by its own
// item is {2^32 - 1, itself}: both outcomes are the same item, so nothing is lost to the missing last unit.
// Aligned so that an entry is one load and never crosses a cache line.
struct alignas(8) AliasEntry {
  uint32_t threshold;
  uint32_t alias;
};
static_assert(sizeof(AliasEntry) == 8, "tables are read as 8-byte words");

PYSAMPLER_HOST_DEVICE AliasEntry full_slot(uint32_t item) { return {0xFFFFFFFFu, item}; }

// Somebody's table, read only.
struct AliasTableView {
  const AliasEntry* entries;
  uint64_t items;
};

// What a random word points at: a slot and where inside it (both 32 bits).
struct SlotPoint {
  uint32_t slot;
  uint32_t fraction;
};

// High and low halves of floor(word * items / 2^32), a 96-bit product. Needs items < 2^32, so that nothing overflows.
PYSAMPLER_HOST_DEVICE SlotPoint locate(uint64_t word, uint64_t items) {
  const auto high = static_cast<uint32_t>(word >> 32), low = static_cast<uint32_t>(word);
  const auto narrow = static_cast<uint32_t>(items);
  const uint64_t scaled = multiply_wide(high, narrow) + multiply_high32(low, narrow);
  return {static_cast<uint32_t>(scaled >> 32), static_cast<uint32_t>(scaled)};
}

PYSAMPLER_HOST_DEVICE uint32_t resolve(AliasEntry entry, SlotPoint point) {
  return point.fraction < entry.threshold ? point.slot : entry.alias;
}

PYSAMPLER_HOST_DEVICE uint32_t draw_one(const AliasTableView& table, uint64_t word) {
  const SlotPoint point = locate(word, table.items);
  return resolve(table.entries[point.slot], point);
}

}  // namespace pysampler
