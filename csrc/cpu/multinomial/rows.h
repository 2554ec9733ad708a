// A matrix of weights, and how its rows are split over threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/weights.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

struct WeightRows {
  const void* data;  // rows * columns of them, row by row
  uint64_t rows;     // may be 0
  uint64_t columns;  // in [1, kMaxItems]
  WeightType type;

  WeightView from(uint64_t row, uint64_t count = 1) const {
    const uint64_t item_bytes = type == WeightType::kFloat32 ? 4 : 8;
    return {static_cast<const char*>(data) + row * columns * item_bytes, count * columns, type};
  }
};

// Rows this long are worth several threads where there are few of them.
constexpr uint64_t kLongRow = 1 << 16;
// Longer ones are always shared by the threads: whoever works on a row alone does not hear Ctrl-C meanwhile.
constexpr uint64_t kLongestOfOneThread = 1 << 22;

// Calls work(first row, count, how to execute it) for stretches that make up all rows: long rows one by one on all
// threads while there are few of them, others in groups of a multiple of `together` that go to one thread each.
// `row_length`: weights and draws; `row_cost`: of one row, in units of about a nanosecond.
template <class Work>
void for_each_rows(uint64_t rows, uint64_t row_cost, uint64_t row_length, uint64_t together, const Execution& execution,
                   Work work) {
  constexpr uint64_t kCostOfTask = 100'000;
  const bool few_rows = execution.threads <= 1 || rows < 2 * static_cast<uint64_t>(execution.threads);
  if (rows == 1 || row_length > kLongestOfOneThread || (row_length >= kLongRow && few_rows)) {
    for (uint64_t row = 0; row < rows; ++row) work(row, uint64_t{1}, execution);
    return;
  }
  const uint64_t groups = std::max<uint64_t>(1, kCostOfTask / std::max<uint64_t>(1, row_cost * together));
  const uint64_t per_task = groups * together;
  const uint64_t tasks = (rows + per_task - 1) / per_task;
  // The first tasks are done before another thread would have started.
  const Execution alone = {1, {}, execution.target};
  parallel_for(tasks, execution.on_at_most(tasks / 2), [&](uint64_t task) {
    const uint64_t first = task * per_task;
    work(first, std::min(per_task, rows - first), alone);
  });
}

}  // namespace pysampler
