// Weights from rows of logits.
#pragma once

#include <cstdint>

#include "cpu/multinomial/rows.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// weights[row * columns + i] = softmax_weight(logit i of the row, the row's largest): the same for any threads, target and
// device. Some 1 to 4 ns a logit on one thread.
void softmax_weights(const WeightRows& logits, double* weights, const Execution& execution);

}  // namespace pysampler
