// Marking indices in a bitmap, and counting them, on a GPU. Bits and saturating counts do not depend on the order.
#pragma once

#include <cstdint>

#include "core/marks.h"
#include "cuda/atomics.h"
#include "cuda/grid.h"
#include "cuda/team.h"

namespace pysampler::cuda {

// What marking found wrong: places of indices outside [0, items), UINT64_MAX if there is none.
struct MarkState {
  uint64_t first_wrong;
  uint64_t first_changed;  // looked fine at first: somebody has written to the indices since
};

// As `Marks`, but counts are of 32 bits, which a GPU can add to in one go; from kMostCounted on they stand for it.
struct DeviceMarks {
  uint64_t items;
  uint64_t* words;
  uint32_t* counts;  // or null
};

template <class Index>
struct MarkJob {
  const Index* indices;
  uint64_t count;
  DeviceMarks marks;
  MarkState* state;

  PYSAMPLER_HOST_DEVICE bool in_range(Index index) const {
    return static_cast<uint64_t>(static_cast<int64_t>(index)) < marks.items;  // a negative one becomes huge
  }
};

template <class Index>
struct CheckIndices {
  static constexpr uint32_t kThreads = 256;

  MarkJob<Index> job;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    for (uint64_t i = at.first(); i < job.count; i += at.stride()) {
      if (job.in_range(job.indices[i])) continue;
      atomic_min(&job.state->first_wrong, i);
      return;  // those that this thread would meet next come later
    }
  }
};

// Marks all, or none if one of them is wrong.
template <class Index>
struct MarkIndices {
  static constexpr uint32_t kThreads = 256;

  MarkJob<Index> job;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    if (job.state->first_wrong != UINT64_MAX) return;
    for (uint64_t i = at.first(); i < job.count; i += at.stride()) {
      const Index index = job.indices[i];
      if (!job.in_range(index)) {
        atomic_min(&job.state->first_changed, i);
        continue;
      }
      const auto item = static_cast<uint64_t>(index);
      atomic_or(job.marks.words + item / 64, uint64_t{1} << item % 64);
      if (job.marks.counts != nullptr) atomic_count(job.marks.counts + item, kMostCounted);
    }
  }
};

PYSAMPLER_HOST_DEVICE uint32_t count_bits(uint64_t word) {
#if defined(__CUDA_ARCH__)
  return static_cast<uint32_t>(__popcll(word));
#else
  return static_cast<uint32_t>(__builtin_popcountll(word));
#endif
}

// Adds to *total the bits set in `bitmap`, or in the union of `bitmap` and `other` unless that is null.
struct CountBits {
  static constexpr uint32_t kThreads = 256;
  struct Shared {
    uint64_t found[kThreads];
  };

  const uint64_t* bitmap;
  const uint64_t* other;
  uint64_t words;
  uint64_t* total;
  Grid grid;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    team.each([&](uint32_t thread) {
      const ThreadAt at = {team.block(), thread, grid};
      uint64_t found = 0;
      for (uint64_t i = at.first(); i < words; i += at.stride()) {
        found += count_bits(other == nullptr ? bitmap[i] : bitmap[i] | other[i]);
      }
      shared.found[thread] = found;
    });
    const uint64_t all = reduce(team, shared.found, [](uint64_t a, uint64_t b) { return a + b; });
    team.each([&](uint32_t thread) {
      if (thread == 0) atomic_add(total, all);
    });
  }
};

PYSAMPLER_HOST_DEVICE Grid mark_grid(uint64_t count, uint32_t multiprocessors) {
  return grid_for(count, MarkIndices<int64_t>::kThreads, multiprocessors);
}

PYSAMPLER_HOST_DEVICE Grid count_bits_grid(uint64_t words, uint32_t multiprocessors) {
  return grid_for(words, CountBits::kThreads, multiprocessors);
}

}  // namespace pysampler::cuda
