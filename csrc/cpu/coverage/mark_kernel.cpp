#include "cpu/coverage/mark_kernel.h"

#include <algorithm>

#include "core/macros.h"
#include "cpu/coverage/relaxed_atomics.h"

namespace pysampler {
namespace {

// Enough to keep all of a core's outstanding misses busy.
constexpr uint64_t kAhead = 32;

template <Sharing kSharing, class Word>
Word load(const Word* from) {
  if constexpr (kSharing == Sharing::kAlone) return *from;
  return relaxed_load(from);
}

template <Sharing kSharing>
void set_bit(uint64_t* words, uint64_t item) {
  uint64_t* const word = words + item / 64;
  const uint64_t bit = uint64_t{1} << item % 64;
  if constexpr (kSharing == Sharing::kAlone) {
    *word |= bit;
  } else if ((load<kSharing>(word) & bit) == 0) {  // a locked write costs several reads, and most bits get set early
    relaxed_or(word, bit);
  }
}

template <Sharing kSharing>
void count_one(uint16_t* count) {
  uint16_t before = load<kSharing>(count);
  if constexpr (kSharing == Sharing::kAlone) {
    *count = static_cast<uint16_t>(before + (before != kMostCounted));
  } else {
    while (before != kMostCounted &&
           !relaxed_exchange(count, before, static_cast<uint16_t>(before + 1))) {
    }
  }
}

template <Sharing kSharing, bool kCounting>
void mark_all(const int64_t* indices, uint64_t count, uint64_t* words, uint16_t* counts) {
  const auto prefetch = [=](uint64_t i) {
    const auto item = static_cast<uint64_t>(indices[i]);
    prefetch_to_write(words + item / 64);
    if constexpr (kCounting) prefetch_to_write(counts + item);
  };
  const auto mark_one = [=](uint64_t i) {
    const auto item = static_cast<uint64_t>(indices[i]);
    set_bit<kSharing>(words, item);
    if constexpr (kCounting) count_one<kSharing>(counts + item);
  };
  const uint64_t ahead = std::min(count, kAhead);
  for (uint64_t i = 0; i < ahead; ++i) prefetch(i);
  for (uint64_t i = 0; i + ahead < count; ++i) {
    prefetch(i + ahead);
    mark_one(i);
  }
  for (uint64_t i = count - ahead; i < count; ++i) mark_one(i);
}

}  // namespace

template <Sharing kSharing>
void mark_chunk(const int64_t* indices, uint64_t count, const Marks& marks) {
  if (marks.counts == nullptr) {
    mark_all<kSharing, false>(indices, count, marks.words, nullptr);
  } else {
    mark_all<kSharing, true>(indices, count, marks.words, marks.counts);
  }
}

template void mark_chunk<Sharing::kAlone>(const int64_t* indices, uint64_t count, const Marks& marks);
template void mark_chunk<Sharing::kShared>(const int64_t* indices, uint64_t count, const Marks& marks);

}  // namespace pysampler
