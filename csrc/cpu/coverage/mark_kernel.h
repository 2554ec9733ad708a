// The inner loop of everything that marks: a chunk of indices that lies in L1, one random read-modify-write each.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/marks.h"

namespace pysampler {

constexpr uint64_t kMarkChunk = 4096;  // 32 KiB of indices

// Whether threads mark the same memory at once.
enum class Sharing { kAlone, kShared };

// Negative exactly if `index` lies outside [0, items): what is inside is not negative, and becomes negative when the
// number of items is taken off. No comparisons, so that loops over it are vectorised.
inline int64_t sign_if_outside(int64_t index, uint64_t items) {
  return index | ~static_cast<int64_t>(static_cast<uint64_t>(index) - items);
}

template <class Index>
bool all_in_range(const Index* indices, uint64_t count, uint64_t items) {
  int64_t signs = 0;
  for (uint64_t i = 0; i < count; ++i) signs |= sign_if_outside(indices[i], items);
  return signs >= 0;
}

// The place of the first index that lies outside; `count` if none does.
inline uint64_t first_outside(const int64_t* indices, uint64_t count, uint64_t items) {
  return static_cast<uint64_t>(std::find_if(indices, indices + count, [=](int64_t index) {
                                 return sign_if_outside(index, items) < 0;
                               }) - indices);
}

// Marks `count` <= kMarkChunk indices, all in range: the caller has looked at this very copy of them.
template <Sharing kSharing>
void mark_chunk(const int64_t* indices, uint64_t count, const Marks& marks);

}  // namespace pysampler
