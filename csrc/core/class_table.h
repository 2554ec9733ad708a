// The class table and its draw: a class by an alias table over the classes, then an item of it uniformly, in integers.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/macros.h"
#include "core/stream.h"

namespace pysampler {

constexpr uint64_t kMaxClasses = uint64_t{1} << 24;

// Where a class's items are: `size` of them from `begin` on, in `members` if there are any, else themselves a range.
struct ClassRange {
  uint32_t size;
  uint32_t begin;
};
static_assert(sizeof(ClassRange) == 8, "ranges are read as 8-byte words");

// The items of all classes.
struct ClassItems {
  const ClassRange* ranges;  // one per class
  const uint32_t* members;   // items, class after class; nullptr where every class is a range of consecutive items
  uint64_t classes;
};

PYSAMPLER_HOST_DEVICE uint32_t item_at(const ClassItems& items, uint64_t place) {
  return items.members == nullptr ? static_cast<uint32_t>(place) : items.members[place];
}

// An alias table over the classes, and their items. Needs a size >= 1 for every class that an entry can lead to.
struct ClassTableView {
  AliasTableView classes;
  ClassItems items;
};

// The two words of a draw have the same position under two tags, so that classes and picks are independent.
struct ClassStreams {
  Stream classes;
  Stream picks;
};

PYSAMPLER_HOST_DEVICE ClassStreams class_streams(uint64_t seed, uint64_t epoch) {
  return {make_stream(seed, epoch, Tag::kDraw), make_stream(seed, epoch, Tag::kClassPick)};
}

PYSAMPLER_HOST_DEVICE ClassStreams class_padding(uint64_t seed, uint64_t epoch) {
  return {make_stream(seed, epoch, Tag::kPadding), make_stream(seed, epoch, Tag::kPaddingPick)};
}

// Position floor(word * size / 2^64) of the range: uniform up to size / 2^64.
PYSAMPLER_HOST_DEVICE uint32_t pick_from(ClassRange range, uint64_t word) {
  return range.begin + locate(word, range.size).slot;
}

PYSAMPLER_HOST_DEVICE uint32_t draw_one(const ClassTableView& table, uint64_t class_word, uint64_t pick_word) {
  const uint32_t drawn = draw_one(table.classes, class_word);
  return item_at(table.items, pick_from(table.items.ranges[drawn], pick_word));
}

}  // namespace pysampler
