// Whether every row of a matrix of weights can be drawn from.
#pragma once

#include <atomic>
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

// The first of the rows that threads have found to be bad: those after it need not be looked at.
class FirstBadRow {
 public:
  explicit FirstBadRow(uint64_t rows) : row_(rows) {}

  uint64_t row() const { return row_; }  // as many as there are rows if none was found
  void found(uint64_t row) {
    uint64_t known = row_;
    while (row < known && !row_.compare_exchange_weak(known, row)) {
    }
  }

 private:
  std::atomic<uint64_t> row_;
};

// Throws InvalidRow for the first row that is no distribution, or has fewer than `least_positive` positive weights.
// Cost: 0.1 to 0.3 ns a weight.
void check_rows(const WeightRows& rows, uint64_t least_positive, const Execution& execution);

// Throws InvalidRow if that row is such a one.
void check_row(const WeightRows& rows, uint64_t row, uint64_t least_positive, const Execution& execution);

}  // namespace pysampler
