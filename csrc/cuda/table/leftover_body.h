// The placement of what the blocks left over: the same merge of lights and heavies over the whole table. Every light
// looks up the heavy that fills it, every heavy the light at which it closes, by the sums of those before; so none has
// to wait for another.
#pragma once

#include "cuda/grid.h"
#include "cuda/search.h"
#include "cuda/table/build_job.h"
#include "cuda/table/plan_body.h"
#include "cuda/team.h"

namespace pysampler::cuda {

// Turns each block's deficit and excess into those of all blocks before.
struct AddUpLeftovers {
  static constexpr uint32_t kThreads = kPlanThreads;
  struct Sum {
    uint64_t deficit, excess;

    friend PYSAMPLER_HOST_DEVICE Sum add(const Sum& a, const Sum& b) {
      return {a.deficit + b.deficit, a.excess + b.excess};
    }
  };
  struct Shared {
    Sum sums[2][kThreads];
  };

  BuildJob job;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    if (!job.state->outcome.is_good()) return;
    const uint64_t blocks = job.layout().blocks;
    const Leftovers& left = job.leftovers;
    team.each([&](uint32_t thread) {
      const BlockRange range = range_of(thread, blocks);
      Sum sum = {0, 0};
      for (uint64_t b = range.begin; b < range.end; ++b) sum = add(sum, Sum{left.deficit[b], left.excess[b]});
      shared.sums[0][thread] = sum;
    });
    const Sum* const sums = prefix_sums(team, shared.sums);
    const Sum all = sums[kThreads - 1];
    team.each([&](uint32_t thread) {
      const BlockRange range = range_of(thread, blocks);
      Sum before = {0, 0};
      if (thread != 0) before = sums[thread - 1];
      for (uint64_t b = range.begin; b < range.end; ++b) {
        const Sum own = {left.deficit[b], left.excess[b]};
        left.deficit[b] = before.deficit;
        left.excess[b] = before.excess;
        before = add(before, own);
      }
      if (thread != 0) return;
      left.deficit[blocks] = all.deficit;
      left.excess[blocks] = all.excess;
      if (all.deficit != all.excess) job.state->outcome.changed = 1;
    });
  }
};

// Where sums over all leftovers of one kind reach a number.
struct Reached {
  uint64_t block;
  uint32_t number;  // in the block's list
  uint64_t sum;     // up to and including it
};

// A warp to a block's leftovers.
struct PlaceLeftovers {
  static constexpr uint32_t kThreads = 128;
  static constexpr uint32_t kTogether = 32;

  BuildJob job;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    if (!job.state->outcome.is_good()) return;
    const uint64_t blocks = job.layout().blocks;
    for (uint64_t block = at.first() / kTogether; block < blocks; block += at.stride() / kTogether) {
      const uint32_t lights = job.leftovers.lights[block], heavies = job.leftovers.heavies[block];
      for (uint32_t i = at.thread % kTogether; i < lights; i += kTogether) place_light(block, i);
      for (uint32_t j = at.thread % kTogether; j < heavies; j += kTogether) place_heavy(block, j);
    }
  }

 private:
  PYSAMPLER_HOST_DEVICE const uint64_t* amounts(uint64_t block) const {
    return job.leftovers.amounts + block * kBlockItems;
  }

  PYSAMPLER_HOST_DEVICE uint32_t item(uint64_t block, uint32_t number) const {
    return static_cast<uint32_t>(job.layout().item(block, job.leftovers.places[block * kBlockItems + number]));
  }

  PYSAMPLER_HOST_DEVICE uint64_t amount_before(uint64_t block, uint32_t number) const {
    return number == 0 ? 0 : amounts(block)[number - 1];
  }

  PYSAMPLER_HOST_DEVICE void place_light(uint64_t block, uint32_t number) const {
    const uint64_t before = amount_before(block, number);
    const uint64_t own = amounts(block)[number] - before;
    // Every heavy here has something to give: to reach nothing is to reach one unit.
    const uint64_t sum = job.leftovers.deficit[block] + before;
    const Reached filler = heavy_reaching(sum == 0 ? 1 : sum);
    job.table[item(block, number)] = {static_cast<uint32_t>(kSlotMass - own), item(filler.block, filler.number)};
  }

  PYSAMPLER_HOST_DEVICE void place_heavy(uint64_t block, uint32_t number) const {
    if (amounts(block)[number] == amount_before(block, number)) return;  // nothing to give: its slot is full already
    const uint64_t sum = job.leftovers.excess[block] + amounts(block)[number];
    AliasEntry& slot = job.table[item(block, number)];
    if (sum == job.leftovers.excess[job.layout().blocks]) {
      slot = full_slot(item(block, number));  // the last heavy is left with exactly a slot's mass
      return;
    }
    const Reached next = heavy_reaching(sum + 1);
    slot = closed_heavy(sum, light_reaching(sum + 1).sum, item(next.block, next.number));
  }

  // The first heavy up to which the excesses reach `sum`, or light up to which the deficits do: 0 < sum <= the sum of
  // all. So the block before which they do not, but up to whose end they do, has it.
  PYSAMPLER_HOST_DEVICE Reached heavy_reaching(uint64_t sum) const {
    const uint64_t block = count_below(job.leftovers.excess, job.layout().blocks, sum) - 1;
    return reaching(block, job.leftovers.heavies[block], job.leftovers.excess[block], sum);
  }
  PYSAMPLER_HOST_DEVICE Reached light_reaching(uint64_t sum) const {
    const uint64_t block = count_below(job.leftovers.deficit, job.layout().blocks, sum) - 1;
    return reaching(block, job.leftovers.lights[block], job.leftovers.deficit[block], sum);
  }

  PYSAMPLER_HOST_DEVICE Reached reaching(uint64_t block, uint32_t count, uint64_t before, uint64_t sum) const {
    const uint32_t number = count_below(amounts(block), count, sum - before);
    return {block, number, before + amounts(block)[number]};
  }
};

}  // namespace pysampler::cuda
