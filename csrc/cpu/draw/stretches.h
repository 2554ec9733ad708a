// How a bulk draw is split over threads.
#pragma once

#include <cstdint>
#include <functional>

#include "cpu/runtime/parallel.h"

namespace pysampler {

// Calls draw(first, n) for consecutive stretches that make up [0, count), on no more threads than pay. All but the last
// are multiples of 64 long. Stretches are short if somebody may interrupt, and for balance.
void for_each_stretch(uint64_t count, const Execution& execution,
                      const std::function<void(uint64_t first, uint64_t n)>& draw);

// Whether an output of `count` int64 should bypass the caches.
inline bool too_large_to_cache(uint64_t count) { return count * sizeof(int64_t) > 8 << 20; }

}  // namespace pysampler
