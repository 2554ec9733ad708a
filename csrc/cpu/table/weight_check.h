// What is wrong with weights, and how many of them can be drawn.
#pragma once

#include <cstdint>

#include "core/weights.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// The number of positive weights. Throws InvalidWeights if one is negative or not finite, or if all are zero.
uint64_t count_positive(WeightView weights, const Execution& execution = {});

}  // namespace pysampler
