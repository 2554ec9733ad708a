// Threads that mark together.
#pragma once

#include <cstdint>
#include <functional>

#include "cpu/coverage/mark_kernel.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

constexpr uint64_t kMarksPerTask = 1 << 17;  // about a millisecond, so that interrupts are seen soon

// What a task calls for each of its chunks.
class Marker {
 public:
  Marker(const Marks& marks, Sharing sharing) : marks_(marks), sharing_(sharing) {}

  // Needs count <= kMarkChunk and every index in range.
  void operator()(const int64_t* indices, uint64_t count) const {
    if (sharing_ == Sharing::kAlone) {
      mark_chunk<Sharing::kAlone>(indices, count, marks_);
    } else {
      mark_chunk<Sharing::kShared>(indices, count, marks_);
    }
  }

 private:
  Marks marks_;
  Sharing sharing_;
};

using MarkingTask = std::function<void(uint64_t task, const Marker& marker)>;

// Calls task(i, marker) for every i in [0, tasks), as parallel_for does. What the markers are given ends up in `marks`,
// the same for any number of threads: bits and saturating counts do not depend on the order. After an exception some
// of it may be missing.
//
// Small marks are kept once per thread and put together at the end, so that threads do not fight for cache lines; large
// ones are shared and written atomically, which costs next to nothing beside waiting for memory.
void parallel_mark(uint64_t tasks, const Marks& marks, const Execution& execution, const MarkingTask& task);

}  // namespace pysampler
