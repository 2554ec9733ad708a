// Splitting work over threads. Threads live for one call only: nothing persists, so fork() is always safe.
#pragma once

#include <cstdint>
#include <functional>

namespace pysampler {

// Returns true when the caller wants the work abandoned. Asked on the calling thread only, after each of its tasks, so
// it should mostly be quick.
using Interrupt = std::function<bool()>;

// How a long call runs. `threads` >= 1 is an upper limit.
struct Execution {
  int threads = 1;
  Interrupt interrupt;  // may be empty
};

// Thrown on the calling thread when `interrupt` asked to stop; the outputs are then unspecified.
struct Interrupted {};

using Task = std::function<void(uint64_t)>;

// Calls task(i) for every i in [0, count), each exactly once, in any order, on up to execution.threads threads
// including the caller. An exception of a task is rethrown here after all threads have stopped.
void parallel_for(uint64_t count, const Execution& execution, const Task& task);

// The same where a task needs scratch memory: each thread makes its own task, once, with its own scratch.
void parallel_for_workers(uint64_t count, const Execution& execution, const std::function<Task()>& make_task);

}  // namespace pysampler
