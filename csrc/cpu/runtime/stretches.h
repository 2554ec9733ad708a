// How a bulk draw is split over threads.
#pragma once

#include <cstdint>
#include <functional>

#include "cpu/runtime/parallel.h"

namespace pysampler {

struct StretchSizes {
  uint64_t min_per_thread = 1 << 17;  // fewer draws are done before another thread would have started
  uint64_t per_task = 1 << 18;        // at most some ten milliseconds, so that interrupts are seen soon
};

// Calls draw(first, n) for consecutive stretches that make up [0, count), on no more threads than pay. All but the last
// are multiples of 64 long. Stretches are short if somebody may interrupt, and for balance.
void for_each_stretch(uint64_t count, const Execution& execution,
                      const std::function<void(uint64_t first, uint64_t n)>& draw, StretchSizes sizes = {});

}  // namespace pysampler
