// What past epochs drew: drawn again and looked at in the cache, never listed.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/marks.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// Writes the draws at positions [start, start + count) of one epoch to `out`. Called by many threads at once.
using DrawPositions = std::function<void(uint64_t start, uint64_t count, int64_t* out)>;

// Positions [start, start + count) of each of some epochs.
struct Redraw {
  std::vector<DrawPositions> epochs;
  uint64_t start;
  uint64_t count;
};

// Marks every draw. Throws IndexOutOfRange if a source draws what is no item; marks may then be missing.
void mark_draws(const Redraw& redraw, const Marks& marks, const Execution& execution);

struct Sighting {
  uint64_t epoch;  // its number in Redraw::epochs
  uint64_t position;
  int64_t item;
};

// All draws of the items whose bits are set in `wanted`, in the order of epochs and positions. Throws IndexOutOfRange.
std::vector<Sighting> find_draws(const Redraw& redraw, const uint64_t* wanted, uint64_t items,
                                 const Execution& execution);

}  // namespace pysampler
