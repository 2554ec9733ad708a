// The masses of a block of items, evened out to its quota: 8 neighbouring items to a thread.
#pragma once

#include "cuda/table/build_job.h"
#include "cuda/team.h"

namespace pysampler::cuda {

constexpr uint32_t kItemsPerThread = 8;
constexpr uint32_t kPackThreads = kBlockItems / kItemsPerThread;

template <class Weight>
struct BlockMasses {
  static constexpr uint32_t kThreads = kPackThreads;

  struct Counted {
    WideSum sum;  // of masses
    uint32_t large;

    friend PYSAMPLER_HOST_DEVICE Counted add(const Counted& a, const Counted& b) {
      return {pysampler::add(a.sum, b.sum), a.large + b.large};
    }
  };
  struct Largest {
    uint64_t mass;
    uint32_t place;
    bool is_large;
  };

  // What one thread looks after: eight neighbouring items.
  struct Items {
    uint64_t mass[kItemsPerThread];
    bool is_large[kItemsPerThread];  // may take part in evening out
    uint32_t present;                // the first so many of them exist
  };

  static PYSAMPLER_HOST_DEVICE Items items_of(const BuildJob& job, uint64_t block, uint32_t thread) {
    const auto* const weights = static_cast<const Weight*>(job.weights);
    const MassRule rule = job.state->rule;
    const uint64_t start = job.layout().item(block, thread * kItemsPerThread);
    Items items = {};
    if (start < job.items) {
      items.present = job.items - start < kItemsPerThread ? static_cast<uint32_t>(job.items - start) : kItemsPerThread;
    }
    for (uint32_t i = 0; i < kItemsPerThread; ++i) {
      const Weight weight = i < items.present ? weights[start + i] : Weight{0};
      const double prescaled = static_cast<double>(weight) * rule.prescale;
      if (rule.any_small) {
        items.is_large[i] = !rule.is_small(prescaled);
        // Asked of the weight itself: prescaling may have flushed it to zero.
        const uint64_t small = weight > 0 ? rule.mass_if_small(prescaled) : 0;
        items.mass[i] = items.is_large[i] ? rule.mass_if_large(prescaled) : small;
      } else {
        items.mass[i] = rule.mass_if_large(prescaled);
        items.is_large[i] = items.mass[i] != 0;
      }
    }
    return items;
  }

  // Makes the masses add up to the quota: one unit each for the first large items; what is beyond, or too much, falls
  // on the largest. False if they cannot.
  // `shared` has `counted`, two for each thread, and `largest`, one for each; they may share their place.
  template <class Team, class Shared, class Own>
  static PYSAMPLER_HOST_DEVICE bool even_out(Team& team, Shared& shared, Own& own, uint64_t quota) {
    team.each([&](uint32_t thread) {
      Counted counted = {{0, 0}, 0};
      for (uint32_t i = 0; i < kItemsPerThread; ++i) {
        counted.sum = pysampler::add(counted.sum, own[thread].mass[i]);
        counted.large += own[thread].is_large[i];
      }
      shared.counted[0][thread] = counted;
    });
    const Counted* const counted = prefix_sums(team, shared.counted);
    const Counted all = counted[kThreads - 1];
    // A sum beyond 64 bits comes of weights that were replaced since they were summed.
    if (all.sum.high != 0 || !can_even_out(all.sum.low, quota)) return false;
    const uint64_t missing = all.sum.low < quota ? quota - all.sum.low : 0;
    team.each([&](uint32_t thread) {
      uint64_t rank = thread == 0 ? 0 : counted[thread - 1].large;
      for (uint32_t i = 0; i < kItemsPerThread; ++i) {
        own[thread].mass[i] += own[thread].is_large[i] && rank < missing;
        rank += own[thread].is_large[i];
      }
    });
    const uint64_t sum = all.sum.low + (missing < all.large ? missing : all.large);
    return sum == quota || settle_with_largest(team, shared, own, sum, quota);
  }

 private:
  template <class Team, class Shared, class Own>
  static PYSAMPLER_HOST_DEVICE bool settle_with_largest(Team& team, Shared& shared, Own& own, uint64_t sum,
                                                        uint64_t quota) {
    const auto larger = [](const Largest& a, const Largest& b) {
      return a.mass > b.mass || (a.mass == b.mass && a.place < b.place) ? a : b;
    };
    team.each([&](uint32_t thread) {
      const Items& items = own[thread];
      Largest largest = {items.mass[0], thread * kItemsPerThread, items.is_large[0]};
      for (uint32_t i = 1; i < kItemsPerThread; ++i) {
        largest = larger(largest, {items.mass[i], thread * kItemsPerThread + i, items.is_large[i]});
      }
      shared.largest[thread] = largest;
    });
    const Largest largest = reduce(team, shared.largest, larger);
    if (!largest.is_large || !can_take_the_rest(largest.mass, sum, quota)) return false;
    team.each([&](uint32_t thread) {
      for (uint32_t i = 0; i < kItemsPerThread; ++i) {
        // Modulo 2^64, so a negative difference subtracts.
        if (thread * kItemsPerThread + i == largest.place) own[thread].mass[i] += quota - sum;
      }
    });
    return true;
  }
};

}  // namespace pysampler::cuda
