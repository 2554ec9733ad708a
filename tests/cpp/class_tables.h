// Class tables for tests, and their draws as the definition says.
#pragma once

#include <cstdint>
#include <vector>

#include "core/class_table.h"
#include "draw_reference.h"

namespace pysampler {

// Any table over classes of any sizes >= 1 makes a class table, if one for no particular weights.
struct RandomClasses {
  std::vector<AliasEntry> entries;
  std::vector<ClassRange> ranges;
  std::vector<uint32_t> members;

  RandomClasses(uint64_t classes, uint64_t largest, uint64_t seed) : entries(random_table(classes, seed)) {
    Random random(seed + 1);
    for (uint64_t c = 0; c < classes; ++c) {
      const auto size = static_cast<uint32_t>(1 + random.below(largest));
      ranges.push_back({size, static_cast<uint32_t>(members.size())});
      for (uint32_t i = 0; i < size; ++i) members.push_back(static_cast<uint32_t>(random.bits()));
    }
  }

  ClassTableView scattered() const { return {{entries.data(), entries.size()}, {ranges.data(), members.data(), ranges.size()}}; }
  ClassTableView consecutive() const { return {{entries.data(), entries.size()}, {ranges.data(), nullptr, ranges.size()}}; }
};

inline std::vector<int64_t> class_draws_one_by_one(const ClassTableView& table, ClassStreams streams, uint64_t start,
                                                   uint64_t step, uint64_t count) {
  std::vector<int64_t> draws(count);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t position = start + i * step;
    draws[i] = draw_one(table, stream_word(streams.classes, position), stream_word(streams.picks, position));
  }
  return draws;
}

}  // namespace pysampler
