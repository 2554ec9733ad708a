// The shape of a launch and a thread's place in it, as plain numbers: a GPU runs the bodies of kernels over a grid, and
// so does a loop on the CPU, which is how they are tested where there is no GPU.
//
// A body is a struct of plain values with `static constexpr uint32_t kThreads` (threads of a block) and
// `void operator()(ThreadAt) const`, host and device. What a body does must not depend on the order of threads.
#pragma once

#include <cstdint>

#include "core/macros.h"

namespace pysampler::cuda {

struct Grid {
  uint32_t blocks;
  uint32_t threads;  // of each block
};

struct ThreadAt {
  uint32_t block;
  uint32_t thread;
  Grid grid;

  // The first work item of this thread, and the distance to its next, in a loop that strides over the whole grid.
  PYSAMPLER_HOST_DEVICE uint64_t first() const { return static_cast<uint64_t>(block) * grid.threads + thread; }
  PYSAMPLER_HOST_DEVICE uint64_t stride() const { return static_cast<uint64_t>(grid.blocks) * grid.threads; }
};

// The most that sm_80 and sm_90 hold at a time, which they do of kernels with at most 32 registers a thread. Of draws, with
// about 48, they hold 1280: the other blocks follow when these are done, each with as much to do.
constexpr uint64_t kThreadsPerMultiprocessor = 2048;

// A grid for `work` items, one or several for each thread: never more threads than the device could hold at a time, for
// more would share the work no better. No blocks if there is no work.
PYSAMPLER_HOST_DEVICE Grid grid_for(uint64_t work, uint32_t threads, uint32_t multiprocessors) {
  const uint64_t needed = work / threads + (work % threads != 0);
  const uint64_t held = kThreadsPerMultiprocessor / threads * multiprocessors;
  return {static_cast<uint32_t>(needed < held ? needed : held), threads};
}

// Runs a body on the CPU, thread by thread, as a launch of this grid would.
template <class Body>
void run_on_cpu(const Body& body, Grid grid) {
  for (uint32_t block = 0; block < grid.blocks; ++block) {
    for (uint32_t thread = 0; thread < grid.threads; ++thread) body(ThreadAt{block, thread, grid});
  }
}

}  // namespace pysampler::cuda
