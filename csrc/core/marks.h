// Which items have come, and how often.
#pragma once

#include <cstdint>

namespace pysampler {

constexpr uint16_t kMostCounted = UINT16_MAX;  // counts stop there

// Somebody's memory: one bit per item, item i in bit i % 64 of words[i / 64], and one count per item or null.
struct Marks {
  uint64_t items;
  uint64_t* words;
  uint16_t* counts;
};

// An index outside [0, items). `changed`: it was not there when the indices were looked at first.
struct IndexOutOfRange {
  uint64_t place;
  int64_t index;
  bool changed;
};

constexpr uint64_t bitmap_words(uint64_t items) { return items / 64 + (items % 64 != 0); }

}  // namespace pysampler
