// The passes of a table's construction, in their order. None waits for the host: what a pass finds, the next ones read.
//
//   SumBlocks        reads the weights: the sum of each block of 1024 items, and what is wrong with the weights
//   Plan             from all sums: how masses come of weights (for float64 weights that are huge or tiny, both twice)
//   SumLarge         where items are small, reads the weights again: sums without them, and the mass of the small ones
//   AddUp            sums of blocks so far
//   ShareQuotas      the mass of each block
//   Pack             reads the weights, writes the table: masses, and the slots that a block fills by itself
//   AddUpLeftovers   sums of what blocks left over so far
//   PlaceLeftovers   the slots that are left, some percent of them for ordinary weights
#pragma once

#include "cuda/grid.h"
#include "cuda/table/build_job.h"
#include "cuda/table/leftover_body.h"
#include "cuda/table/pack_body.h"
#include "cuda/table/plan_body.h"
#include "cuda/table/sum_body.h"

namespace pysampler::cuda {

// Hands the passes that judge the weights to `queue`: queue.team(body, blocks) for bodies of team.h, queue.body(body, grid)
// for the others.
template <class Weight, class Queue>
void queue_sums(const BuildJob& job, Queue& queue) {
  const auto summing = static_cast<uint32_t>(teams_for(job.layout().blocks));
  // float32 has no numbers that need a prescale.
  for (const bool again : {false, true}) {
    if (again && sizeof(Weight) == sizeof(float)) break;
    queue.team(SumBlocks<Weight>{job, again}, summing);
    queue.team(Plan<Weight>{job, again}, 1);
  }
}

// Hands the passes before Pack to `queue`.
template <class Weight, class Queue>
void queue_shares(const BuildJob& job, uint32_t multiprocessors, Queue& queue) {
  const uint64_t blocks = job.layout().blocks;
  queue_sums<Weight>(job, queue);
  queue.team(SumLarge<Weight>{job}, static_cast<uint32_t>(teams_for(blocks)));
  queue.team(AddUp{job}, 1);
  queue.body(ShareQuotas{job}, grid_for(blocks, ShareQuotas::kThreads, multiprocessors));
}

// Hands every pass to `queue`.
template <class Weight, class Queue>
void queue_passes(const BuildJob& job, uint32_t multiprocessors, Queue& queue) {
  const uint64_t blocks = job.layout().blocks;
  queue_shares<Weight>(job, multiprocessors, queue);
  queue.team(Pack<Weight>{job}, static_cast<uint32_t>(blocks));
  queue.team(AddUpLeftovers{job}, 1);
  queue.body(PlaceLeftovers{job},
             grid_for(blocks * PlaceLeftovers::kTogether, PlaceLeftovers::kThreads, multiprocessors));
}

}  // namespace pysampler::cuda
