#include "cpu/coverage/mark.h"

#include <algorithm>
#include <atomic>

#include "cpu/coverage/mark_kernel.h"
#include "cpu/coverage/parallel_mark.h"

namespace pysampler {
namespace {

// Copies a chunk: what is looked at is then what is marked, whatever other threads do to the original.
const int64_t* copy_chunk(const IndexView& indices, uint64_t first, uint64_t count, int64_t* to) {
  if (indices.is_int64) {
    std::copy_n(static_cast<const int64_t*>(indices.data) + first, count, to);
  } else {
    std::copy_n(static_cast<const int32_t*>(indices.data) + first, count, to);
  }
  return to;
}

uint64_t tasks_of(uint64_t count) { return count / kMarksPerTask + (count % kMarksPerTask != 0); }

// Calls use(chunk, first, count) for every chunk of a task.
template <class Use>
void for_each_chunk(const IndexView& indices, uint64_t task, Use use) {
  int64_t chunk[kMarkChunk];
  const uint64_t end = std::min(indices.count, (task + 1) * kMarksPerTask);
  for (uint64_t first = task * kMarksPerTask; first < end; first += kMarkChunk) {
    const uint64_t count = std::min(kMarkChunk, end - first);
    use(copy_chunk(indices, first, count, chunk), first, count);
  }
}

void raise_first_of(const int64_t* chunk, uint64_t first, uint64_t count, uint64_t items, bool changed) {
  const int64_t* const wrong = std::find_if(chunk, chunk + count, [&](int64_t index) {
    return static_cast<uint64_t>(index) >= items;
  });
  throw IndexOutOfRange{first + static_cast<uint64_t>(wrong - chunk), *wrong, changed};
}

void check(const IndexView& indices, uint64_t items, const Execution& execution) {
  std::atomic<uint64_t> first_wrong{UINT64_MAX};  // the first wrong chunk, whoever finds which first
  parallel_for(tasks_of(indices.count), execution, [&](uint64_t task) {
    for_each_chunk(indices, task, [&](const int64_t* chunk, uint64_t first, uint64_t count) {
      if (all_in_range(chunk, count, items)) return;
      uint64_t before = first_wrong.load();
      while (first < before && !first_wrong.compare_exchange_weak(before, first)) {
      }
    });
  });
  const uint64_t first = first_wrong;
  if (first == UINT64_MAX) return;
  int64_t chunk[kMarkChunk];
  const uint64_t count = std::min(kMarkChunk, indices.count - first);
  copy_chunk(indices, first, count, chunk);
  if (!all_in_range(chunk, count, items)) raise_first_of(chunk, first, count, items, false);
  throw IndexOutOfRange{first, chunk[0], true};  // another thread has put it right since
}

}  // namespace

void mark(const IndexView& indices, const Marks& marks, const Execution& execution) {
  const uint64_t tasks = tasks_of(indices.count);
  const Execution limited = {static_cast<int>(std::clamp<uint64_t>(tasks, 1, std::max(execution.threads, 1))),
                             execution.interrupt};
  check(indices, marks.items, limited);
  parallel_mark(tasks, marks, limited, [&](uint64_t task, const Marker& marker) {
    for_each_chunk(indices, task, [&](const int64_t* chunk, uint64_t first, uint64_t count) {
      if (!all_in_range(chunk, count, marks.items)) raise_first_of(chunk, first, count, marks.items, true);
      marker(chunk, count);
    });
  });
}

}  // namespace pysampler
