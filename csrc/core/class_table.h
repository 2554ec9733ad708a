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

// What a class table is made of. Needs a size >= 1 for every class that an entry can lead to.
struct ClassTableView {
  const AliasEntry* entries;  // one per class; masses are those of whole classes
  const ClassRange* ranges;   // one per class
  const uint32_t* members;    // items, class after class; nullptr where every class is a range of consecutive items
  uint64_t classes;
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
  const uint32_t drawn = draw_one(table.entries, table.classes, class_word);
  const uint32_t place = pick_from(table.ranges[drawn], pick_word);
  return table.members == nullptr ? place : table.members[place];
}

}  // namespace pysampler
