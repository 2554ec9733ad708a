// The GPU's construction of tables on the CPU: its very passes, over the grids that the launcher computes.
#pragma once

#include <vector>

#include "check.h"
#include "cuda/table/build_passes.h"

namespace pysampler {

// Runs every pass as it is queued, with `between` before each.
template <class Between>
struct CpuQueue {
  cuda::ThreadOrder order;
  Between between;

  template <class Body>
  void team(const Body& body, uint32_t blocks) {
    between();
    run_team_on_cpu(body, blocks, order);
  }
  template <class Body>
  void body(const Body& body, cuda::Grid grid) {
    between();
    CHECK(grid.threads == Body::kThreads);
    run_on_cpu(body, grid);
  }
};

struct GpuBuilt {
  cuda::BuildOutcome outcome;
  std::vector<AliasEntry> table;
};

// Builds a table with whatever runs the passes.
template <class Weight, class Queue>
GpuBuilt build_with(Queue& queue, const std::vector<Weight>& weights, uint32_t multiprocessors) {
  const uint64_t items = weights.size();
  GpuBuilt built = {{}, std::vector<AliasEntry>(items, {0xDEADBEEFu, 0xFFFFFFFFu})};  // a slot left out would show
  std::vector<uint64_t> memory(cuda::build_scratch_bytes(items) / sizeof(uint64_t), 0xA5A5A5A5A5A5A5A5u);
  cuda::Scratch scratch(memory.data());
  const cuda::BuildJob job = cuda::lay_out(weights.data(), items, built.table.data(), scratch);
  CHECK(scratch.bytes() == memory.size() * sizeof(uint64_t));
  cuda::queue_passes<Weight>(job, multiprocessors, queue);
  built.outcome = job.state->outcome;
  return built;
}

template <class Weight, class Between>
GpuBuilt build_as_gpu(const std::vector<Weight>& weights, cuda::ThreadOrder order, uint32_t multiprocessors,
                      Between between) {
  CpuQueue<Between> queue = {order, between};
  return build_with(queue, weights, multiprocessors);
}

template <class Weight>
GpuBuilt build_as_gpu(const std::vector<Weight>& weights, cuda::ThreadOrder order = cuda::ThreadOrder::kForward,
                      uint32_t multiprocessors = 132) {
  return build_as_gpu(weights, order, multiprocessors, [] {});
}

}  // namespace pysampler
