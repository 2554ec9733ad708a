#include "cpu/multinomial/row_check.h"

#include <atomic>

#include "cpu/multinomial/row_kernels.h"
#include "cpu/table/weight_check.h"

namespace pysampler {

void check_row(const WeightRows& rows, uint64_t row, uint64_t least_positive, const Execution& execution) {
  try {
    const uint64_t positive = count_positive(rows.from(row), execution);
    if (positive < least_positive) throw InvalidRow{row, {}, true, positive};
  } catch (const InvalidWeights& error) {
    throw InvalidRow{row, error};
  }
}

void check_rows(const WeightRows& rows, uint64_t least_positive, const Execution& execution) {
  const RowKernels& kernels = row_kernels(execution.target);
  std::atomic<uint64_t> first_bad{rows.rows};
  const auto found_bad = [&](uint64_t row) {
    uint64_t known = first_bad;
    while (row < known && !first_bad.compare_exchange_weak(known, row)) {
    }
  };
  for_each_rows(rows.rows, rows.columns / 4 + 2, rows.columns, 1, execution,
                [&](uint64_t first, uint64_t count, const Execution& within) {
                  if (first > first_bad) return;  // none of these would be the one that is named
                  if (rows.columns >= kLongRow) {
                    for (uint64_t row = first; row < first + count; ++row) {
                      try {
                        check_row(rows, row, least_positive, within);
                      } catch (const InvalidRow&) {
                        return found_bad(row);
                      }
                    }
                    return;
                  }
                  const uint64_t good =
                      kernels.good_rows(rows.from(first, count), rows.columns, least_positive);
                  if (good < count) found_bad(first + good);
                });
  if (first_bad < rows.rows) check_row(rows, first_bad, least_positive, execution);  // throws
}

}  // namespace pysampler
