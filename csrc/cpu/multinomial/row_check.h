// Whether every row of a matrix of weights can be drawn from.
#pragma once

#include <cstdint>

#include "core/weights.h"
#include "cpu/multinomial/rows.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// Thrown for a row whose weights define no distribution, or have fewer positive entries than draws without replacement.
struct InvalidRow {
  uint64_t row;
  InvalidWeights weights;     // meaningful unless too_few
  bool too_few = false;
  uint64_t positive = 0;
};

// Throws InvalidRow for the first row that is no distribution, or has fewer than `least_positive` positive weights.
// Cost: 0.1 to 0.3 ns a weight.
void check_rows(const WeightRows& rows, uint64_t least_positive, const Execution& execution);

// Throws InvalidRow if that row is such a one.
void check_row(const WeightRows& rows, uint64_t row, uint64_t least_positive, const Execution& execution);

}  // namespace pysampler
