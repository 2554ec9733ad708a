#include "cpu/draw/multinomial.h"

#include <algorithm>
#include <atomic>

#include "core/alias_table.h"
#include "core/stream.h"
#include "cpu/draw/draw.h"
#include "cpu/runtime/float_environment.h"
#include "cpu/runtime/memory.h"
#include "cpu/table/build.h"
#include "cpu/without_replacement/without_replacement.h"

namespace pysampler {
namespace {

// Rows this long share the threads among themselves; shorter ones go to one thread each.
constexpr uint64_t kLongRow = 1 << 16;
constexpr uint64_t kItemsPerTask = 1 << 17;

WeightView row_of(const MultinomialJob& job, uint64_t row) {
  const uint64_t item_bytes = job.weights.type == WeightType::kFloat32 ? 4 : 8;
  return {static_cast<const char*>(job.weights.data) + row * job.columns * item_bytes, job.columns, job.weights.type};
}

void check_row(const MultinomialJob& job, uint64_t row, const Execution& execution) {
  try {
    const uint64_t positive = count_positive(row_of(job, row), execution);
    if (!job.replacement && positive < job.draws) throw InvalidRow{row, {}, true, positive};
  } catch (const InvalidWeights& error) {
    throw InvalidRow{row, error};
  }
}

// Calls work(row, how to execute it) for every row: long rows one after the other on all threads, short ones in groups
// that go to one thread each.
template <class Work>
void for_each_row(const MultinomialJob& job, const Execution& execution, Work work) {
  if (job.rows == 1 || job.columns + job.draws >= kLongRow) {
    for (uint64_t row = 0; row < job.rows; ++row) work(row, execution);
    return;
  }
  const uint64_t rows_per_task = std::max<uint64_t>(1, kItemsPerTask / (job.columns + job.draws));
  parallel_for((job.rows + rows_per_task - 1) / rows_per_task, execution, [&](uint64_t task) {
    const uint64_t end = std::min(job.rows, (task + 1) * rows_per_task);
    for (uint64_t row = task * rows_per_task; row < end; ++row) work(row, {1, {}, execution.target});
  });
}

}  // namespace

void check_rows(const MultinomialJob& job, const Execution& execution) {
  std::atomic<uint64_t> first_bad{job.rows};
  for_each_row(job, execution, [&](uint64_t row, const Execution& within) {
    if (row > first_bad) return;  // it would not be the one that is named
    try {
      check_row(job, row, within);
    } catch (const InvalidRow&) {
      uint64_t known = first_bad;
      while (row < known && !first_bad.compare_exchange_weak(known, row)) {
      }
    }
  });
  if (first_bad < job.rows) check_row(job, first_bad, execution);  // throws
}

void multinomial(const MultinomialJob& job, uint64_t seed, int64_t* out, const Execution& execution) {
  const StandardFloats standard_floats;
  for_each_row(job, execution, [&](uint64_t row, const Execution& within) {
    const WeightView weights = row_of(job, row);
    int64_t* const to = out + row * job.draws;
    if (!job.replacement) {
      draw_without_replacement({weights, nullptr, seed, 0, row * job.columns}, job.draws, to, within);
      return;
    }
    const LargeBuffer table(job.columns * sizeof(AliasEntry));
    auto* const entries = table.as<AliasEntry>();
    build(weights, entries, within);
    draw({entries, job.columns}, make_stream(seed, 0), {row * job.draws, 1, job.draws}, to, within);
  });
}

}  // namespace pysampler
