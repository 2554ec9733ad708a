// torch.multinomial's job: a table for each row of a weight matrix, used once.
#pragma once

#include <cstdint>

#include "core/weights.h"
#include "cpu/runtime/parallel.h"
#include "cpu/table/weight_check.h"

namespace pysampler {

struct MultinomialJob {
  WeightView weights;  // rows * columns of them, row by row
  uint64_t rows;       // may be 0
  uint64_t columns;    // in [1, kMaxItems]
  uint64_t draws;      // of each row
  bool replacement;
};

// Thrown for a row whose weights define no distribution, or have fewer positive entries than draws without replacement.
struct InvalidRow {
  uint64_t row;
  InvalidWeights weights;     // meaningful unless too_few
  bool too_few = false;
  uint64_t positive = 0;
};

// Throws InvalidRow for the first row that cannot be drawn from.
void check_rows(const MultinomialJob& job, const Execution& execution);

// out[row * draws + j] = draw j of that row. With replacement its position in the stream is row * draws + j.
// Reproducible for any number of threads. Scratch: a table (8 bytes a column) per thread. The rows must
// have passed check_rows.
void multinomial(const MultinomialJob& job, uint64_t seed, int64_t* out, const Execution& execution);

}  // namespace pysampler
