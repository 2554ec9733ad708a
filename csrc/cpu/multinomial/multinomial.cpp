#include "cpu/multinomial/multinomial.h"

#include "core/alias_table.h"
#include "core/stream.h"
#include "cpu/draw/draw.h"
#include "cpu/multinomial/few_draws.h"
#include "cpu/multinomial/narrow_rows.h"
#include "cpu/multinomial/row_kernels.h"
#include "cpu/runtime/float_environment.h"
#include "cpu/runtime/memory.h"
#include "cpu/table/build.h"
#include "cpu/without_replacement/without_replacement.h"

namespace pysampler {
namespace {

// About how many nanoseconds a row takes.
uint64_t row_cost(const MultinomialJob& job, Way way) {
  const uint64_t columns = job.weights.columns, draws = job.draws;
  switch (way) {
    case Way::kNarrowRows: return 5 + columns * (2 + draws / 8);
    case Way::kFewDraws: return few_draws_cost(columns, draws);
    case Way::kTable: return 500 + columns * 8 + draws * 2;
    case Way::kWithoutReplacement: return 300 + columns * 5 + draws * 10;
  }
  return columns;
}

}  // namespace

Multinomial::Multinomial(const MultinomialJob& job, const Execution& execution)
    : job_(job), way_(way_of(job.weights.columns, job.draws, job.replacement)) {
  const StandardFloats standard_floats;
  if (way_ == Way::kFewDraws && job.weights.columns > kBlockItems) {
    sum_rows(execution);
  } else if (way_ == Way::kFewDraws) {
    scale_rows(execution);
  } else {
    check_rows(job.weights, job.replacement ? 1 : job.draws, execution);
  }
}

void Multinomial::sum_rows(const Execution& execution) {
  const WeightRows& rows = job_.weights;
  shares_.resize(rows.rows);
  FirstBadRow bad(rows.rows);
  for_each_rows(rows.rows, rows.columns / 4, rows.columns, 1, execution,
                [&](uint64_t first, uint64_t count, const Execution& within) {
                  for (uint64_t row = first; row < first + count && row < bad.row(); ++row) {
                    if (!shares_[row].emplace(rows.from(row), within).sum()) bad.found(row);
                  }
                });
  refuse(bad, execution);
}

void Multinomial::scale_rows(const Execution& execution) {
  const WeightRows& rows = job_.weights;
  const RowKernels& kernels = row_kernels(execution.target);
  scales_.resize(rows.rows);
  FirstBadRow bad(rows.rows);
  for_each_rows(rows.rows, rows.columns / 4, rows.columns, 1, execution,
                [&](uint64_t first, uint64_t count, const Execution&) {
                  kernels.scale_rows(rows.from(first, count), rows.columns, &scales_[first]);
                  for (uint64_t row = first; row < first + count && row < bad.row(); ++row) {
                    if (scales_[row] == 0 && kernels.good_rows(rows.from(row), rows.columns, 1) == 0) bad.found(row);
                  }
                });
  refuse(bad, execution);
}

void Multinomial::refuse(const FirstBadRow& bad, const Execution& execution) const {
  if (bad.row() == job_.weights.rows) return;
  check_row(job_.weights, bad.row(), 1, execution);  // throws
  throw InvalidRow{bad.row(), {InvalidWeights::Reason::kChangedMeanwhile}};
}

void Multinomial::draw(const StreamStart& start, int64_t* out, const Execution& execution) {
  const StandardFloats standard_floats;
  const WeightRows& rows = job_.weights;
  const Stream stream = make_stream(start.seed, start.epoch);
  const uint64_t together = way_ == Way::kNarrowRows ? 8 : 1;
  for_each_rows(rows.rows, row_cost(job_, way_), rows.columns + job_.draws, together, execution,
                [&](uint64_t first, uint64_t count, const Execution& within) {
                  int64_t* const to = out + first * job_.draws;
                  if (way_ == Way::kNarrowRows) {
                    return draw_narrow_rows(rows, first, count, stream, start.position, job_.draws, to, within.target);
                  }
                  for (uint64_t row = first; row < first + count; ++row) {
                    int64_t* const own = out + row * job_.draws;
                    const uint64_t position = start.position + row * job_.draws;
                    if (way_ == Way::kFewDraws) {
                      few_draws_of(row, stream, position, own, within);
                    } else if (way_ == Way::kTable) {
                      table_draws_of(row, stream, position, own, within);
                    } else {
                      const uint64_t racing = start.position + row * rows.columns;
                      draw_without_replacement({rows.from(row), nullptr, start.seed, start.epoch, racing}, job_.draws,
                                               own, within);
                    }
                  }
                });
}

void Multinomial::few_draws_of(uint64_t row, Stream stream, uint64_t position, int64_t* out,
                               const Execution& execution) {
  const WeightView weights = job_.weights.from(row);
  const auto draw_from = [&](BlockShares& shares) {
    few_draws(weights, shares, stream, position, job_.draws, out, execution);
  };
  if (!shares_.empty()) return draw_from(*shares_[row]);
  if (few_draws_of_one_block(weights, scales_[row], stream, position, job_.draws, out, execution.target)) return;
  BlockShares shares(weights, execution);
  if (!shares.sum()) throw InvalidWeights{InvalidWeights::Reason::kChangedMeanwhile};
  draw_from(shares);
}

void Multinomial::table_draws_of(uint64_t row, Stream stream, uint64_t position, int64_t* out,
                                 const Execution& execution) const {
  const uint64_t columns = job_.weights.columns;
  const LargeBuffer table(columns * sizeof(AliasEntry));
  auto* const entries = table.as<AliasEntry>();
  build(job_.weights.from(row), entries, execution);
  pysampler::draw({entries, columns}, stream, {position, 1, job_.draws}, out, execution);
}

}  // namespace pysampler
