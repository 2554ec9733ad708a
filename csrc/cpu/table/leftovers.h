// What the blocks of a table could not place among themselves, and its placement: the same merge of lights and heavies,
// over all blocks, in parallel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/alias_table.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// Numbers of items in a row, in memory of somebody else's.
struct ItemList {
  const uint32_t* items = nullptr;
  size_t count = 0;

  size_t size() const { return count; }
  bool empty() const { return count == 0; }
  uint32_t operator[](size_t i) const { return items[i]; }
  uint32_t back() const { return items[count - 1]; }
};

// The items that some neighbouring blocks left over, in order, with the sums of slot - mass over the lights and of
// mass - slot over the heavies. Until it is placed, a light keeps its mass in the threshold of its slot and a heavy its
// excess, which is positive, in all 8 bytes of its slot: so the lists are short, and their amounts are where they will
// be written.
struct Leftovers {
  ItemList lights;
  ItemList heavies;
  uint64_t deficit = 0;
  uint64_t excess = 0;
};

inline void keep_excess(AliasEntry* slot, uint64_t excess) { std::memcpy(slot, &excess, sizeof excess); }
inline uint64_t kept_excess(const AliasEntry* slot) {
  uint64_t excess;
  std::memcpy(&excess, slot, sizeof excess);
  return excess;
}

// Fills the slots of all leftovers. Over all segments, the lights' deficits must equal the heavies' excesses; false if
// they do not (the weights changed while they were read).
bool place_leftovers(const std::vector<Leftovers>& segments, AliasEntry* table, const Execution& execution);

}  // namespace pysampler
