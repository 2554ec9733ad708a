#include "cpu/multinomial/row_check.h"

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
  FirstBadRow bad(rows.rows);
  for_each_rows(rows.rows, rows.columns / 4 + 2, rows.columns, 1, execution,
                [&](uint64_t first, uint64_t count, const Execution& within) {
                  if (first > bad.row()) return;  // none of these would be the one that is named
                  if (rows.columns >= kLongRow) {
                    for (uint64_t row = first; row < first + count; ++row) {
                      try {
                        check_row(rows, row, least_positive, within);
                      } catch (const InvalidRow&) {
                        return bad.found(row);
                      }
                    }
                    return;
                  }
                  const uint64_t good =
                      kernels.good_rows(rows.from(first, count), rows.columns, least_positive);
                  if (good < count) bad.found(first + good);
                });
  if (bad.row() < rows.rows) check_row(rows, bad.row(), least_positive, execution);  // throws
}

}  // namespace pysampler
