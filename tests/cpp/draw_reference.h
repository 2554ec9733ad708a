// Draws as the definition says, one by one: what every kernel and every way of evaluation must equal.
#pragma once

#include <cstdint>
#include <vector>

#include "core/alias_table.h"
#include "core/stream.h"
#include "random.h"

namespace pysampler {

// Any thresholds and any aliases in range make a table, if one for no particular weights.
inline std::vector<AliasEntry> random_table(uint64_t items, uint64_t seed) {
  Random random(seed);
  std::vector<AliasEntry> table(items);
  for (AliasEntry& entry : table) {
    entry = {static_cast<uint32_t>(random.bits()), static_cast<uint32_t>(random.below(items))};
  }
  return table;
}

inline std::vector<int64_t> draws_one_by_one(const AliasEntry* table, uint64_t items, Stream stream, uint64_t start,
                                             uint64_t step, uint64_t count) {
  std::vector<int64_t> draws(count);
  for (uint64_t i = 0; i < count; ++i) draws[i] = draw_one({table, items}, stream_word(stream, start + i * step));
  return draws;
}

}  // namespace pysampler
