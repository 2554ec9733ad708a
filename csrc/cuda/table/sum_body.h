// The first pass over the weights, and where there are small ones a second: sums of blocks in their written order.
// Eight threads to a block, each of them one of the order's eight lanes.
#pragma once

#include "core/weights.h"
#include "cuda/table/build_job.h"
#include "cuda/team.h"

namespace pysampler::cuda {

constexpr uint32_t kLanes = 8;

// A lane's weights in some neighbouring groups of a block.
template <class Weight>
struct LaneWeights {
  static constexpr uint64_t kCount = 8;
  Weight low[kCount], high[kCount];

  // `kWhole`: all of them exist; otherwise absent ones are zero.
  template <bool kWhole>
  PYSAMPLER_HOST_DEVICE void read(const BuildJob& job, uint64_t block, uint64_t group, uint32_t lane) {
    const auto* const weights = static_cast<const Weight*>(job.weights);
    const uint64_t first = job.layout().group_start(block, group) + lane, apart = job.layout().group_start(0, 1);
    for (uint64_t k = 0; k < kCount; ++k) {
      const uint64_t item = first + k * apart;
      low[k] = kWhole || item < job.items ? weights[item] : Weight{0};
      high[k] = kWhole || item + kLanes < job.items ? weights[item + kLanes] : Weight{0};
    }
  }
  template <class Use>
  PYSAMPLER_HOST_DEVICE void hand_to(Use& use) const {
    for (uint64_t k = 0; k < kCount; ++k) use(low[k], high[k]);
  }
};

// Each time the next weights are requested before those at hand are used. So the compiler cannot put a load off until its
// weight is used, one after the other, each waiting for memory.
template <bool kWhole, class Weight, class Use>
PYSAMPLER_HOST_DEVICE void for_lane_of(const BuildJob& job, uint64_t block, uint32_t lane, Use& use) {
  constexpr uint64_t kStep = LaneWeights<Weight>::kCount;
  LaneWeights<Weight> here;
  here.template read<kWhole>(job, block, 0, lane);
#if defined(__CUDA_ARCH__)
#pragma unroll 1
#endif
  for (uint64_t group = kStep; group < kGroups; group += kStep) {
    LaneWeights<Weight> next;
    next.template read<kWhole>(job, block, group, lane);
    here.hand_to(use);
    here = next;
  }
  here.hand_to(use);
}

// use(weight number lane, weight number lane + 8) of each group of the block, in order; absent weights are zero.
template <class Weight, class Use>
PYSAMPLER_HOST_DEVICE void for_lane(const BuildJob& job, uint64_t block, uint32_t lane, Use use) {
  if (job.layout().group_start(block, kGroups - 1) + kGroupItems <= job.items) {
    for_lane_of<true, Weight>(job, block, lane, use);
  } else {
    for_lane_of<false, Weight>(job, block, lane, use);
  }
}

template <class Weight>
struct SumBlocks {
  static constexpr uint32_t kThreads = kSummedByTeam * kLanes;
  struct Shared {
    double lanes[kThreads];
    WeightsSeen seen[kThreads];
  };

  BuildJob job;
  bool again;  // prescaled, where that is needed

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    if (again && !job.state->is_rescaled()) return;
    const double prescale = again ? job.state->rule.prescale : 1.0;
    const uint64_t first = static_cast<uint64_t>(team.block()) * kSummedByTeam;
    const uint64_t blocks = job.layout().blocks;
    team.each([&](uint32_t thread) {
      shared.lanes[thread] = 0;
      shared.seen[thread] = nothing_seen();
      const uint64_t block = first + thread / kLanes;
      if (block < blocks) sum_lane(block, thread % kLanes, prescale, shared.lanes[thread], shared.seen[thread]);
    });
    team.each([&](uint32_t thread) {
      const uint64_t block = first + thread / kLanes;
      if (thread % kLanes == 0 && block < blocks) job.sums[block] = sum_of_lanes(shared.lanes + thread);
    });
    const WeightsSeen seen =
        reduce(team, shared.seen, [](const WeightsSeen& a, const WeightsSeen& b) { return seen_both(a, b); });
    team.each([&](uint32_t thread) {
      if (thread == 0) job.seen[team.block()] = seen;
    });
  }

 private:
  PYSAMPLER_HOST_DEVICE void sum_lane(uint64_t block, uint32_t lane, double prescale, double& sum_out,
                                      WeightsSeen& seen_out) const {
    double sum = 0;
    WeightsSeen seen = nothing_seen();
    uint64_t item = job.layout().group_start(block, 0) + lane;
    const auto look_at = [&](double weight, uint64_t number) {
      const double low = or_large(weight);
      seen.largest = weight > seen.largest ? weight : seen.largest;
      seen.smallest_positive = low < seen.smallest_positive ? low : seen.smallest_positive;
      if (is_valid(weight)) return;
      ++seen.bad;
      seen.first_bad = number < seen.first_bad ? number : seen.first_bad;
    };
    for_lane<Weight>(job, block, lane, [&](Weight low, Weight high) {
      const double x = static_cast<double>(low) * prescale, y = static_cast<double>(high) * prescale;
      sum += x + y;
      look_at(x, item);
      look_at(y, item + kLanes);
      item += job.layout().blocks * kGroupItems;
    });
    sum_out = sum;
    seen_out = seen;
  }
};

// Where some items are small: replaces the sums by those of the others, and adds up the mass of the small ones.
template <class Weight>
struct SumLarge {
  static constexpr uint32_t kThreads = kSummedByTeam * kLanes;
  struct Shared {
    double lanes[kThreads];
    uint64_t units[kThreads];
  };

  BuildJob job;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    if (job.state->outcome.failed != 0 || !job.state->rule.any_small) return;
    const MassRule rule = job.state->rule;
    const uint64_t first = static_cast<uint64_t>(team.block()) * kSummedByTeam;
    const uint64_t blocks = job.layout().blocks;
    team.each([&](uint32_t thread) {
      double sum = 0;
      uint64_t units = 0;
      const auto kept = [&](Weight weight) {
        const double prescaled = static_cast<double>(weight) * rule.prescale;
        if (!rule.is_small(prescaled)) return prescaled;
        // Asked of the weight itself: prescaling may have flushed it to zero.
        if (weight > 0) units += rule.mass_if_small(prescaled);
        return 0.0;
      };
      const uint64_t block = first + thread / kLanes;
      if (block < blocks) {
        for_lane<Weight>(job, block, thread % kLanes, [&](Weight low, Weight high) {
          const double x = kept(low), y = kept(high);
          sum += x + y;
        });
      }
      shared.lanes[thread] = sum;
      shared.units[thread] = units;
    });
    team.each([&](uint32_t thread) {
      const uint64_t block = first + thread / kLanes;
      if (thread % kLanes != 0 || block >= blocks) return;
      job.sums[block] = sum_of_lanes(shared.lanes + thread);
      uint64_t units = 0;
      for (uint32_t lane = 0; lane < kLanes; ++lane) units += shared.units[thread + lane];
      job.small_units[block] = units;
    });
  }
};

}  // namespace pysampler::cuda
