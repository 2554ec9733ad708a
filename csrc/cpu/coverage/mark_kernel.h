// The inner loop of everything that marks: a chunk of indices that lies in L1, one random read-modify-write each.
#pragma once

#include <cstdint>

#include "cpu/coverage/marks.h"

namespace pysampler {

constexpr uint64_t kMarkChunk = 4096;  // 32 KiB of indices

// Whether threads mark the same memory at once.
enum class Sharing { kAlone, kShared };

// Whether every index lies in [0, items). Without branches, so that compilers vectorise it: valid is what is not
// negative and becomes negative when the number of items is taken off.
inline bool all_in_range(const int64_t* indices, uint64_t count, uint64_t items) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const auto index = static_cast<uint64_t>(indices[i]);
    wrong |= index | ~(index - items);
  }
  return wrong >> 63 == 0;
}

// Marks `count` <= kMarkChunk indices, all in range: the caller has looked at this very copy of them.
template <Sharing kSharing>
void mark_chunk(const int64_t* indices, uint64_t count, const Marks& marks);

}  // namespace pysampler
