#include "cpu/coverage/mark.h"

#include <algorithm>
#include <atomic>

#include "cpu/coverage/mark_kernel.h"
#include "cpu/coverage/parallel_mark.h"

namespace pysampler {
namespace {

// Calls use(first index, as a typed pointer).
template <class Use>
auto typed(const IndexView& indices, Use use) {
  return indices.is_int64 ? use(static_cast<const int64_t*>(indices.data))
                          : use(static_cast<const int32_t*>(indices.data));
}

// Copies indices, and tells whether all copies are in range.
template <class Index>
bool copy_checked(const Index* from, uint64_t count, uint64_t items, int64_t* to) {
  int64_t signs = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t index = from[i];
    to[i] = index;
    signs |= sign_if_outside(index, items);
  }
  return signs >= 0;
}

uint64_t tasks_of(uint64_t count) { return count / kMarksPerTask + (count % kMarksPerTask != 0); }

// Calls use(first, count) for every chunk of a task.
template <class Use>
void for_each_chunk(const IndexView& indices, uint64_t task, Use use) {
  const uint64_t end = std::min(indices.count, (task + 1) * kMarksPerTask);
  for (uint64_t first = task * kMarksPerTask; first < end; first += kMarkChunk) {
    use(first, std::min(kMarkChunk, end - first));
  }
}

// The first index of indices[first, first + count) that lies outside; the first one of all if none does any more.
IndexOutOfRange first_wrong_of(const IndexView& indices, uint64_t first, uint64_t count, uint64_t items) {
  for (uint64_t i = first; i < first + count; ++i) {
    const int64_t index = indices[i];
    if (static_cast<uint64_t>(index) >= items) return {i, index, false};
  }
  return {first, indices[first], true};
}

void check(const IndexView& indices, uint64_t items, const Execution& execution) {
  std::atomic<uint64_t> first_wrong{UINT64_MAX};  // the first wrong chunk, whoever finds which first
  typed(indices, [&](const auto* from) {
    parallel_for(tasks_of(indices.count), execution, [&](uint64_t task) {
      for_each_chunk(indices, task, [&](uint64_t first, uint64_t count) {
        if (all_in_range(from + first, count, items)) return;
        uint64_t before = first_wrong.load();
        while (first < before && !first_wrong.compare_exchange_weak(before, first)) {
        }
      });
    });
  });
  const uint64_t first = first_wrong;
  if (first == UINT64_MAX) return;
  throw first_wrong_of(indices, first, std::min(kMarkChunk, indices.count - first), items);
}

}  // namespace

void mark(const IndexView& indices, const Marks& marks, const Execution& execution) {
  const uint64_t tasks = tasks_of(indices.count);
  const Execution limited = execution.on_at_most(tasks);
  check(indices, marks.items, limited);
  typed(indices, [&](const auto* from) {
    parallel_mark(tasks, marks, limited, [&](uint64_t task, const Marker& marker) {
      for_each_chunk(indices, task, [&](uint64_t first, uint64_t count) {
        // Marked is the copy that was looked at, whatever another thread does to the original.
        int64_t chunk[kMarkChunk];
        if (!copy_checked(from + first, count, marks.items, chunk)) {
          const uint64_t wrong = first_outside(chunk, count, marks.items);
          throw IndexOutOfRange{first + wrong, chunk[wrong], true};
        }
        marker(chunk, count);
      });
    });
  });
}

}  // namespace pysampler
