#include "multinomial.h"

#include <algorithm>

#include "../core/alias_table.h"
#include "../core/stream.h"
#include "build.h"
#include "draw.h"
#include "memory.h"
#include "without_replacement.h"

namespace pysampler {
namespace {

// Rows this long share the threads among themselves; shorter ones go to one thread each.
constexpr uint64_t kLongRow = 1 << 16;
constexpr uint64_t kItemsPerTask = 1 << 17;

WeightView row_of(const MultinomialJob& job, uint64_t row) {
  const uint64_t item_bytes = job.weights.type == WeightType::kFloat32 ? 4 : 8;
  return {static_cast<const char*>(job.weights.data) + row * job.columns * item_bytes, job.columns, job.weights.type};
}

void check_rows(const MultinomialJob& job) {
  for (uint64_t row = 0; row < job.rows; ++row) {
    try {
      const uint64_t positive = count_positive(row_of(job, row));
      if (!job.replacement && positive < job.draws) throw InvalidRow{row, {}, true, positive};
    } catch (const InvalidWeights& error) {
      throw InvalidRow{row, error};
    }
  }
}

void draw_row(const MultinomialJob& job, uint64_t row, AliasEntry* table, int64_t* out, Target target,
              const Execution& execution) {
  const WeightView weights = row_of(job, row);
  if (job.replacement) {
    build(weights, table, target, execution);
    draw(table, job.columns, make_stream(job.seed, 0), row * job.draws, 1, job.draws, out, target, execution);
  } else {
    const WithoutReplacement request = {weights, nullptr, job.seed, 0, row * job.columns};
    draw_without_replacement(request, job.draws, out, target, execution);
  }
}

}  // namespace

void multinomial(const MultinomialJob& job, int64_t* out, Target target, const Execution& execution) {
  check_rows(job);
  const uint64_t table_items = job.replacement ? job.columns : 0;
  if (job.rows == 1 || job.columns >= kLongRow) {
    const LargeBuffer table(table_items * sizeof(AliasEntry));
    for (uint64_t row = 0; row < job.rows; ++row) {
      draw_row(job, row, table.as<AliasEntry>(), out + row * job.draws, target, execution);
    }
    return;
  }
  const uint64_t rows_per_task = std::max<uint64_t>(1, kItemsPerTask / (job.columns + job.draws));
  parallel_for((job.rows - 1) / rows_per_task + 1, execution, [&](uint64_t task) {
    const LargeBuffer table(table_items * sizeof(AliasEntry));
    const uint64_t end = std::min(job.rows, (task + 1) * rows_per_task);
    for (uint64_t row = task * rows_per_task; row < end; ++row) {
      draw_row(job, row, table.as<AliasEntry>(), out + row * job.draws, target, {});
    }
  });
}

}  // namespace pysampler
