// The short passes between the long ones: what all weights together mean for each block of items. One block of threads
// walks over a number or two for each 1024 items.
#pragma once

#include "cuda/grid.h"
#include "cuda/table/build_job.h"
#include "cuda/team.h"

namespace pysampler::cuda {

constexpr uint32_t kPlanThreads = 1024;

// The consecutive blocks of items that a thread of the one block of threads looks after.
struct BlockRange {
  uint64_t begin, end;
};

PYSAMPLER_HOST_DEVICE BlockRange range_of(uint32_t thread, uint64_t blocks) {
  const uint64_t each = (blocks + kPlanThreads - 1) / kPlanThreads;
  const uint64_t begin = thread * each;
  return {begin < blocks ? begin : blocks, begin + each < blocks ? begin + each : blocks};
}

// Reductions of numbers that memory holds for each block of items; in strides, so that loads are of neighbours.
template <class Team>
PYSAMPLER_HOST_DEVICE double largest_of(Team& team, double (&shared)[kPlanThreads], const double* sums,
                                        uint64_t blocks) {
  team.each([&](uint32_t thread) {
    double largest = 0;
    for (uint64_t b = thread; b < blocks; b += kPlanThreads) largest = sums[b] > largest ? sums[b] : largest;
    shared[thread] = largest;
  });
  return reduce(team, shared, [](double a, double b) { return a > b ? a : b; });
}

template <class Team>
PYSAMPLER_HOST_DEVICE WideSum total_of(Team& team, WideSum (&shared)[kPlanThreads], const double* sums, uint64_t blocks,
                                       Alignment alignment) {
  team.each([&](uint32_t thread) {
    WideSum total = {0, 0};
    for (uint64_t b = thread; b < blocks; b += kPlanThreads) total = add(total, alignment.integer(sums[b]));
    shared[thread] = total;
  });
  return reduce(team, shared, [](WideSum a, WideSum b) { return add(a, b); });
}

PYSAMPLER_HOST_DEVICE BuildOutcome failed_for(InvalidWeights invalid) { return {1, 0, invalid}; }

// Judges the weights; then either finds that they must be summed again with a prescale, or decides how masses come of
// them. Writes the whole state.
template <class Weight>
struct Plan {
  static constexpr uint32_t kThreads = kPlanThreads;
  union Shared {  // one after the other; `reduce` ends with a barrier
    WeightsSeen seen[kThreads];
    double largest[kThreads];
    WideSum total[kThreads];
  };

  BuildJob job;
  bool again;  // the weights have been summed with the prescale, where that was needed

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    if (again && !job.state->is_rescaled()) return;
    const double known_prescale = again ? job.state->rule.prescale : 1.0;
    const uint64_t blocks = job.layout().blocks;
    const WeightsSeen seen = all_seen(team, shared, teams_for(blocks));
    BuildState state = {};
    state.outcome = judge(seen);
    state.largest = seen.largest / known_prescale;  // exact: a power of two
    state.rule.prescale = again ? known_prescale : prescale_for(seen.largest);
    if (state.outcome.is_good() && (again || state.rule.prescale == 1.0)) {
      const double largest = largest_of(team, shared.largest, job.sums, blocks);
      if (can_align_to(largest)) {
        state.alignment = align_to(largest);
        const WideSum total = total_of(team, shared.total, job.sums, blocks, state.alignment);
        state.quotas = share_out(job.items * kSlotMass, total, state.alignment);
        state.rule = mass_rule(state.rule.prescale, seen.smallest_positive, state.quotas);
      } else {
        state.outcome = failed_for({InvalidWeights::Reason::kChangedMeanwhile});
      }
    }
    team.each([&](uint32_t thread) {
      if (thread == 0) *job.state = state;
    });
  }

 private:
  template <class Team>
  PYSAMPLER_HOST_DEVICE WeightsSeen all_seen(Team& team, Shared& shared, uint64_t teams) const {
    team.each([&](uint32_t thread) {
      WeightsSeen seen = nothing_seen();
      for (uint64_t i = thread; i < teams; i += kThreads) seen = seen_both(seen, job.seen[i]);
      shared.seen[thread] = seen;
    });
    return reduce(team, shared.seen, [](const WeightsSeen& a, const WeightsSeen& b) { return seen_both(a, b); });
  }

  PYSAMPLER_HOST_DEVICE BuildOutcome judge(const WeightsSeen& seen) const {
    // Seen only after prescaling: another stream has written to the weights.
    if (again && (seen.bad != 0 || seen.largest == 0)) return failed_for({InvalidWeights::Reason::kChangedMeanwhile});
    if (seen.bad != 0) {
      const double value = static_cast<double>(static_cast<const Weight*>(job.weights)[seen.first_bad]);
      return failed_for({InvalidWeights::Reason::kNotFiniteOrNegative, seen.first_bad, value, seen.bad});
    }
    return seen.largest == 0 ? failed_for({InvalidWeights::Reason::kAllZero}) : BuildOutcome{};
  }
};

// Where some items are small, shares the rest of the mass out anew. Then adds the blocks' aligned sums up.
struct AddUp {
  static constexpr uint32_t kThreads = kPlanThreads;
  union Shared {
    double largest[kThreads];
    WideSum total[kThreads];
    uint64_t units[kThreads];
    WideSum sums[2][kThreads];
  };

  BuildJob job;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    if (job.state->outcome.failed != 0) return;
    BuildState state = *job.state;
    team.barrier();  // all have read it before one writes it
    if (state.rule.any_small && !share_out_anew(team, shared, state)) {
      state.outcome = failed_for({InvalidWeights::Reason::kChangedMeanwhile});
    } else {
      add_up(team, shared, state);
    }
    team.each([&](uint32_t thread) {
      if (thread == 0) *job.state = state;
    });
  }

 private:
  // False if the weights are not those that were seen.
  template <class Team>
  PYSAMPLER_HOST_DEVICE bool share_out_anew(Team& team, Shared& shared, BuildState& state) const {
    const uint64_t blocks = job.layout().blocks, all_mass = job.items * kSlotMass;
    team.each([&](uint32_t thread) {
      uint64_t units = 0;
      for (uint64_t b = thread; b < blocks; b += kThreads) units += job.small_units[b];
      shared.units[thread] = units;
    });
    const uint64_t units = reduce(team, shared.units, [](uint64_t a, uint64_t b) { return a + b; });
    const double largest = largest_of(team, shared.largest, job.sums, blocks);
    if (units >= all_mass || !can_align_to(largest)) return false;
    state.alignment = align_to(largest);
    const WideSum total = total_of(team, shared.total, job.sums, blocks, state.alignment);
    state.quotas = share_out(all_mass - units, total, state.alignment);
    state.rule.scale = state.quotas.scale;
    return true;
  }

  template <class Team>
  PYSAMPLER_HOST_DEVICE void add_up(Team& team, Shared& shared, const BuildState& state) const {
    const uint64_t blocks = job.layout().blocks;
    team.each([&](uint32_t thread) {
      const BlockRange range = range_of(thread, blocks);
      WideSum sum = {0, 0};
      for (uint64_t b = range.begin; b < range.end; ++b) sum = add(sum, state.alignment.integer(job.sums[b]));
      shared.sums[0][thread] = sum;
    });
    const WideSum* const before_next = prefix_sums(team, shared.sums);
    team.each([&](uint32_t thread) {
      const BlockRange range = range_of(thread, blocks);
      WideSum sum = {0, 0};
      if (thread != 0) sum = before_next[thread - 1];
      for (uint64_t b = range.begin; b < range.end; ++b) {
        sum = add(sum, state.alignment.integer(job.sums[b]));
        job.cumulative[b] = shift_right(sum, state.quotas.shift);
      }
    });
  }
};

// The mass of each block. By itself, for it takes two 128-bit divisions a block.
struct ShareQuotas {
  static constexpr uint32_t kThreads = 128;

  BuildJob job;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    if (job.state->outcome.failed != 0) return;
    const Quotas quotas = job.state->quotas;
    const bool any_small = job.state->rule.any_small;
    const uint64_t blocks = job.layout().blocks;
    for (uint64_t b = at.first(); b < blocks; b += at.stride()) {
      const uint64_t before = b == 0 ? 0 : quotas.units_before(job.cumulative[b - 1]);
      job.quotas[b] = quotas.units_before(job.cumulative[b]) - before + (any_small ? job.small_units[b] : 0);
    }
  }
};

}  // namespace pysampler::cuda
