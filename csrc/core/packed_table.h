// A dynamic table in one piece of memory, as a GPU holds it: 64-bit words that a tensor can be.
//
// A header, then the tree from its root down, then the weights. A node holds the masses of its sixteen children: not what
// lies before each, as on the CPU, so that an update is one addition to each level. Which item owns a unit of mass is the
// same: the draw does not see how a table is laid out (core/dynamic_table.h).
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/dynamic_table.h"
#include "core/fingerprint.h"
#include "core/stream.h"
#include "core/systematic.h"
#include "core/weights.h"

namespace pysampler {

struct PackedHeader {
  uint64_t items;
  uint64_t capacity;  // weights there is room for: a multiple of kChildren, at least one
  uint64_t is_float64;
  int64_t scale;
  uint64_t total;
  uint64_t positive;
  Fingerprint sum;  // of the weights
  uint64_t spare[8];
};
constexpr uint64_t kHeaderWords = sizeof(PackedHeader) / sizeof(uint64_t);  // 128 bytes: every node begins a line of memory

// Walks the levels of a packed tree from the root down: of level l, nodes that are parents of parents ... of leaves.
struct PackedLevel {
  uint64_t leaves;
  int level;       // 0: its children are the leaves
  uint64_t begin;  // in words

  // Nodes of this level: ceil(leaves / 16^(level + 1)).
  PYSAMPLER_HOST_DEVICE uint64_t nodes() const {
    const int bits = 4 * (level + 1);
    return (leaves + (uint64_t{1} << bits) - 1) >> bits;
  }
  // Nodes of the level below, or leaves.
  PYSAMPLER_HOST_DEVICE uint64_t children() const { return (leaves + (uint64_t{1} << 4 * level) - 1) >> 4 * level; }
  // Where the level below begins, or the weights.
  PYSAMPLER_HOST_DEVICE uint64_t end() const { return begin + nodes() * kChildren; }
  // Which of the children's masses has the weight at a place.
  PYSAMPLER_HOST_DEVICE uint64_t at(uint64_t place) const { return begin + (place >> 4 * (level + 1)); }
};

PYSAMPLER_HOST_DEVICE PackedLevel packed_root(uint64_t capacity) {
  PackedLevel root = {capacity / kChildren, 0, kHeaderWords};
  while (root.nodes() > 1) ++root.level;
  return root;
}

PYSAMPLER_HOST_DEVICE PackedLevel below(PackedLevel parent) {
  return {parent.leaves, parent.level - 1, parent.end()};
}

// Where the weights begin.
PYSAMPLER_HOST_DEVICE uint64_t packed_weights_at(uint64_t capacity) {
  PackedLevel level = packed_root(capacity);
  while (level.level > 0) level = below(level);
  return level.end();
}

PYSAMPLER_HOST_DEVICE uint64_t packed_words(uint64_t capacity, bool is_float64) {
  return packed_weights_at(capacity) + capacity / (is_float64 ? 1 : 2);
}

// A node's or a leaf's sixteen numbers, in few loads.
template <class Number>
PYSAMPLER_HOST_DEVICE void load_sixteen(const Number* from, Number* to) {
#if defined(__CUDA_ARCH__)
  constexpr int kTogether = 16 / sizeof(Number);
  for (int i = 0; i < 16; i += kTogether) {
    const int4 line = __ldg(reinterpret_cast<const int4*>(from + i));
    memcpy(to + i, &line, sizeof line);
  }
#else
  memcpy(to, from, 16 * sizeof(Number));
#endif
}

// Which of sixteen owns a unit of their mass, laid side by side; takes away from the unit what lies before it. For units
// beyond their mass the last one.
PYSAMPLER_HOST_DEVICE uint64_t owner_among(const uint64_t* masses, uint64_t* unit) {
  uint64_t owner = 0, before_owner = 0, before = 0;
  for (uint64_t i = 0; i < kChildren; ++i) {
    if (before <= *unit) {
      owner = i;
      before_owner = before;
    }
    before += masses[i];
  }
  *unit -= before_owner;
  return owner;
}

template <class Weight>
PYSAMPLER_HOST_DEVICE uint64_t owner_in_leaf(const Weight* leaf, int scale, uint64_t unit) {
  Weight weights[kChildren];
  load_sixteen(leaf, weights);
  uint64_t masses[kChildren];
  for (uint64_t i = 0; i < kChildren; ++i) masses[i] = mass_of(static_cast<double>(weights[i]), scale);
  return owner_among(masses, &unit);
}

// The item that owns a unit below the total. Whoever draws while another stream updates may see half an update: the item
// is one of the table all the same.
PYSAMPLER_HOST_DEVICE uint64_t packed_owner(const uint64_t* words, const PackedHeader& header, uint64_t unit) {
  PackedLevel level = packed_root(header.capacity);
  uint64_t node = 0;
  for (;; level = below(level)) {
    uint64_t masses[kChildren];
    load_sixteen(words + level.begin + node * kChildren, masses);
    node = node * kChildren + owner_among(masses, &unit);
    if (node >= level.children()) node = level.children() - 1;
    if (level.level == 0) break;
  }
  const void* const weights = words + level.end();
  const auto scale = static_cast<int>(header.scale);
  const uint64_t first = node * kChildren;
  const uint64_t item = first + (header.is_float64 != 0
                                     ? owner_in_leaf(static_cast<const double*>(weights) + first, scale, unit)
                                     : owner_in_leaf(static_cast<const float*>(weights) + first, scale, unit));
  return item < header.items ? item : header.items - 1;
}

constexpr int64_t kNothingToDraw = -1;  // what a draw gives while no weight is positive

// Draws from a packed table, as DynamicTable::draw.
struct PackedDraws {
  const uint64_t* words;
  PackedHeader header;
  Stream stream;
  uint64_t strata;  // or 0
  Lattice lattice;

  PYSAMPLER_HOST_DEVICE int64_t at(uint64_t position) const {
    if (header.total == 0) return kNothingToDraw;
    const uint64_t word = stream_word(stream, position);
    if (strata == 0) return static_cast<int64_t>(packed_owner(words, header, unit_of(word, header.total)));
    const uint64_t stratum = position % strata, begin = lattice.mass_at(stratum);
    const uint64_t end = stratum + 1 == strata ? header.total : lattice.mass_at(stratum + 1);
    return static_cast<int64_t>(packed_owner(words, header, begin + unit_of(word, end - begin)));
  }
};

// Whether a header can be that of a packed table of so many words.
PYSAMPLER_HOST_DEVICE bool is_sound(const PackedHeader& header, uint64_t words) {
  const bool sound = header.capacity % kChildren == 0 && header.capacity != 0 && header.items <= header.capacity &&
                     header.capacity <= kMaxItems + kChildren && header.is_float64 <= 1 &&
                     header.scale >= kLeastScale && header.scale <= kMostScale && header.total < kTotalLimit;
  return sound && packed_words(header.capacity, header.is_float64 != 0) == words;
}

// Of memory that holds no packed table of `count` words, at least kHeaderWords, there is nothing to draw.
PYSAMPLER_HOST_DEVICE PackedDraws packed_draws(const uint64_t* words, uint64_t count, Stream stream, uint64_t strata) {
  PackedDraws draws = {words, *reinterpret_cast<const PackedHeader*>(words), stream, strata, {}};
  if (!is_sound(draws.header, count)) draws.header.total = 0;
  if (strata != 0 && draws.header.total != 0) draws.lattice = make_lattice(draws.header.total, strata, 0);
  return draws;
}

}  // namespace pysampler
