// Splitting work over threads. Threads live for one call of the library only: nothing persists, so fork() is always safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "cpu/simd/target.h"

namespace pysampler {

// Returns true when the caller wants the work abandoned. Asked on the calling thread only, after each of its tasks and
// at least once, so it should mostly be quick.
using Interrupt = std::function<bool()>;

class ThreadTeam;

// How a call runs. None of it can change a result.
struct Execution {
  int threads = 1;      // an upper limit
  Interrupt interrupt;  // may be empty
  Target target = active_target();
  ThreadTeam* team = nullptr;  // threads that wait for work; without one, each loop starts and ends its own

  // The same on no more than `most` threads, but on one at least.
  Execution on_at_most(uint64_t most) const {
    return {static_cast<int>(std::clamp<uint64_t>(most, 1, static_cast<uint64_t>(std::max(threads, 1)))), interrupt,
            target, team};
  }
};

// Thrown on the calling thread when `interrupt` asked to stop; the outputs are then unspecified.
struct Interrupted {};

using Task = std::function<void(uint64_t)>;

// Calls task(i) for every i in [0, count), each exactly once, in any order, on up to execution.threads threads
// including the caller. An exception of a task is rethrown here after all threads have stopped.
void parallel_for(uint64_t count, const Execution& execution, const Task& task);

// Calls range(begin, end) for the ranges of `per_task` that make up [0, count), the last one shorter, in the same way.
template <class Range>
void parallel_ranges(uint64_t count, uint64_t per_task, const Execution& execution, Range range) {
  parallel_for(count / per_task + (count % per_task != 0), execution, [&](uint64_t task) {
    range(task * per_task, std::min(count, (task + 1) * per_task));
  });
}

// Like parallel_for where a task needs scratch memory: each thread makes its own task, once, with its own scratch.
void parallel_for_workers(uint64_t count, const Execution& execution, const std::function<Task()>& make_task);

}  // namespace pysampler
