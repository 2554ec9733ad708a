// What is wrong with weights, and how many of them can be drawn.
#pragma once

#include <cstdint>

#include "core/weights.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// Thrown for weights that define no distribution.
struct InvalidWeights {
  enum class Reason { kNotFiniteOrNegative, kAllZero, kChangedMeanwhile };
  Reason reason;
  uint64_t first_index = 0;  // of a bad weight, with its value and how many there are
  double first_value = 0;
  uint64_t bad_count = 0;
};

// The number of positive weights. Throws InvalidWeights if one is negative or not finite, or if all are zero.
uint64_t count_positive(WeightView weights, const Execution& execution = {});

}  // namespace pysampler
