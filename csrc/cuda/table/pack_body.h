// The second long pass: the masses of each block of items, evened out to its quota, and as many of its slots as can be
// filled inside the block. The rest goes to the leftovers. A block of threads to a block of items, eight items a thread.
#pragma once

#include "cuda/search.h"
#include "cuda/table/build_job.h"
#include "cuda/team.h"

namespace pysampler::cuda {

constexpr uint32_t kItemsPerThread = 8;
constexpr uint32_t kPackThreads = kBlockItems / kItemsPerThread;

// A block's lights and heavies in order, in shared memory.
struct SplitBlock {
  uint64_t amounts[kBlockItems + 1];
  uint16_t heavy_places[kBlockItems];
};

// Where the merge of a block's lights and heavies leads, from their sums. The merge passes a light while the current
// heavy still has something to give, else it closes the heavy. So a light is filled by the first heavy up to which the
// excesses reach the deficits of the lights before it, and a heavy closes at the first light before which the deficits
// exceed the excesses up to it.
struct Merge {
  const uint64_t* deficit;  // of the lights before each; one more for the end
  const uint64_t* excess;   // of the heavies up to and including each
  uint32_t lights, heavies;
  uint32_t lights_done, heavies_done;  // placed inside the block
  uint64_t given;                      // deficit of the lights that are done
  uint64_t overdrawn;                  // more than 0: what the current heavy has given too much, so it becomes a light

  PYSAMPLER_HOST_DEVICE bool becomes_light() const { return overdrawn != 0; }
  PYSAMPLER_HOST_DEVICE uint64_t excess_before_left() const {
    return becomes_light() ? excess[heavies_done] : given;
  }
  PYSAMPLER_HOST_DEVICE uint32_t lights_left() const { return lights - lights_done + becomes_light(); }
  PYSAMPLER_HOST_DEVICE uint32_t heavies_left() const { return heavies - heavies_done - becomes_light(); }
  PYSAMPLER_HOST_DEVICE uint64_t deficit_left() const { return overdrawn + (deficit[lights] - given); }
  PYSAMPLER_HOST_DEVICE uint64_t excess_left() const {
    return heavies_left() == 0 ? 0 : excess[heavies - 1] - excess_before_left();
  }
};

PYSAMPLER_HOST_DEVICE Merge merge_of(const SplitBlock& block, uint32_t lights, uint32_t heavies) {
  Merge merge = {block.amounts, block.amounts + lights + 1, lights, heavies, 0, 0, 0, 0};
  if (heavies == 0) return merge;
  merge.lights_done = count_up_to(merge.deficit, lights, merge.excess[heavies - 1]);
  // The last heavy cannot close inside the block: there is no next one to fill its slot.
  merge.heavies_done = count_below(merge.excess, heavies - 1, merge.deficit[lights]);
  merge.given = merge.deficit[merge.lights_done];
  const uint64_t had = merge.excess[merge.heavies_done];
  if (had < merge.given) merge.overdrawn = merge.given - had;
  return merge;
}

template <class Weight>
struct Pack {
  static constexpr uint32_t kThreads = kPackThreads;

  struct Counted {
    WideSum sum;  // of masses
    uint32_t large;

    friend PYSAMPLER_HOST_DEVICE Counted add(const Counted& a, const Counted& b) {
      return {pysampler::add(a.sum, b.sum), a.large + b.large};
    }
  };
  struct Parted {
    uint64_t deficit, excess;
    uint32_t lights, heavies;

    friend PYSAMPLER_HOST_DEVICE Parted add(const Parted& a, const Parted& b) {
      return {a.deficit + b.deficit, a.excess + b.excess, a.lights + b.lights, a.heavies + b.heavies};
    }
  };
  struct Largest {
    uint64_t mass;
    uint32_t place;
    bool is_large;
  };
  struct Shared {
    union {  // the sums are done with, one and more steps before the next thing is written
      Counted counted[2][kThreads];
      SplitBlock split;
    };
    union {
      Largest largest[kThreads];
      Parted parted[2][kThreads];
    };
  };

  BuildJob job;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    if (job.state->outcome.status != BuildStatus::kGood) return;
    typename Team::template Own<Items> own;
    team.each([&](uint32_t thread) { own[thread] = items_of(team.block(), thread); });
    if (!even_out(team, shared, own)) {
      team.each([&](uint32_t thread) {
        if (thread == 0) job.state->outcome.changed = 1;
      });
      return;
    }
    const Parted all = part(team, shared, own);
    const Merge merge = merge_of(shared.split, all.lights, all.heavies);
    team.each([&](uint32_t thread) { place(team.block(), thread, own[thread], shared.split, merge); });
    team.each([&](uint32_t thread) {
      if (thread != 0) return;
      job.leftovers.lights[team.block()] = merge.lights_left();
      job.leftovers.heavies[team.block()] = merge.heavies_left();
      job.leftovers.deficit[team.block()] = merge.deficit_left();
      job.leftovers.excess[team.block()] = merge.excess_left();
    });
  }

 private:
  // What one thread looks after: eight neighbouring items.
  struct Items {
    uint64_t mass[kItemsPerThread];
    bool is_large[kItemsPerThread];  // may take part in evening out
    uint32_t present;                // the first so many of them exist
    Parted before;                   // of the block's items before these
  };

  PYSAMPLER_HOST_DEVICE Items items_of(uint64_t block, uint32_t thread) const {
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
  template <class Team, class Own>
  PYSAMPLER_HOST_DEVICE bool even_out(Team& team, Shared& shared, Own& own) const {
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
    const uint64_t quota = job.quotas[team.block()];
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

  template <class Team, class Own>
  PYSAMPLER_HOST_DEVICE bool settle_with_largest(Team& team, Shared& shared, Own& own, uint64_t sum,
                                                 uint64_t quota) const {
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

  // Parts the items into lights and heavies, each in order with its sums. Returns how many there are.
  template <class Team, class Own>
  PYSAMPLER_HOST_DEVICE Parted part(Team& team, Shared& shared, Own& own) const {
    team.each([&](uint32_t thread) {
      Parted parted = {0, 0, 0, 0};
      for (uint32_t i = 0; i < kItemsPerThread; ++i) {
        if (i < own[thread].present) parted = add(parted, part_of(own[thread].mass[i]));
      }
      shared.parted[0][thread] = parted;
    });
    const Parted* const parted = prefix_sums(team, shared.parted);
    const Parted all = parted[kThreads - 1];
    team.each([&](uint32_t thread) {
      Items& items = own[thread];
      items.before = Parted{0, 0, 0, 0};
      if (thread != 0) items.before = parted[thread - 1];
      Parted sum = items.before;
      for (uint32_t i = 0; i < kItemsPerThread; ++i) {  // to a constant, so that masses stay in registers
        if (i >= items.present) continue;
        const bool is_light = items.mass[i] < kSlotMass;
        if (is_light) shared.split.amounts[sum.lights] = sum.deficit;
        if (!is_light) shared.split.heavy_places[sum.heavies] = static_cast<uint16_t>(thread * kItemsPerThread + i);
        const uint32_t heavy = all.lights + 1 + sum.heavies;
        sum = add(sum, part_of(items.mass[i]));
        if (!is_light) shared.split.amounts[heavy] = sum.excess;
      }
      if (thread == kThreads - 1) shared.split.amounts[all.lights] = all.deficit;
    });
    return all;
  }

  static PYSAMPLER_HOST_DEVICE Parted part_of(uint64_t mass) {
    return mass < kSlotMass ? Parted{kSlotMass - mass, 0, 1, 0} : Parted{0, mass - kSlotMass, 0, 1};
  }

  // Writes the slots of a thread's items, or adds the items to the leftovers. Then what is written to their slots does
  // not matter.
  PYSAMPLER_HOST_DEVICE void place(uint64_t block, uint32_t thread, const Items& items, const SplitBlock& split,
                                   const Merge& merge) const {
    const uint64_t start = job.layout().item(block, thread * kItemsPerThread);
    AliasEntry slots[kItemsPerThread];
    Parted before = items.before;
    for (uint32_t i = 0; i < kItemsPerThread; ++i) {
      const auto place = static_cast<uint16_t>(thread * kItemsPerThread + i);
      slots[i] = full_slot(static_cast<uint32_t>(start + i));
      if (i >= items.present) continue;
      if (items.mass[i] < kSlotMass) {
        if (!fill_light(block, before, items.mass[i], split, merge, &slots[i])) {
          const uint64_t amount =
              merge.overdrawn + (before.deficit + (kSlotMass - items.mass[i]) - merge.given);
          leave(block, before.lights - merge.lights_done + merge.becomes_light(), amount, place);
        }
      } else if (before.heavies < merge.heavies_done) {
        const uint64_t closing = merge.deficit[count_up_to(merge.deficit, merge.lights, merge.excess[before.heavies])];
        slots[i] = closed_heavy(merge.excess[before.heavies], closing, item(block, split, before.heavies + 1));
      } else if (before.heavies == merge.heavies_done && merge.becomes_light()) {
        leave(block, 0, merge.overdrawn, place);
      } else {
        // With nothing to give, its slot is full, and the leftovers pass it over.
        const uint32_t number = before.heavies - merge.heavies_done - merge.becomes_light();
        leave(block, merge.lights_left() + number, merge.excess[before.heavies] - merge.excess_before_left(), place);
      }
      before = add(before, part_of(items.mass[i]));
    }
    store(start, items.present, slots);
  }

  PYSAMPLER_HOST_DEVICE bool fill_light(uint64_t block, const Parted& before, uint64_t mass, const SplitBlock& split,
                                        const Merge& merge, AliasEntry* slot) const {
    if (before.lights >= merge.lights_done) return false;
    const uint32_t filler = count_below(merge.excess, merge.heavies, before.deficit);
    *slot = {static_cast<uint32_t>(mass), item(block, split, filler)};
    return true;
  }

  PYSAMPLER_HOST_DEVICE uint32_t item(uint64_t block, const SplitBlock& split, uint32_t heavy) const {
    return static_cast<uint32_t>(job.layout().item(block, split.heavy_places[heavy]));
  }

  PYSAMPLER_HOST_DEVICE void leave(uint64_t block, uint32_t number, uint64_t amount, uint16_t place) const {
    job.leftovers.amounts[block * kBlockItems + number] = amount;
    job.leftovers.places[block * kBlockItems + number] = place;
  }

  PYSAMPLER_HOST_DEVICE void store(uint64_t start, uint32_t present, const AliasEntry* slots) const {
#if defined(__CUDA_ARCH__)
    // Two slots at a time: a thread's eight begin at a multiple of 64 bytes.
    if (present == kItemsPerThread) {
      auto* const to = reinterpret_cast<uint4*>(job.table + start);
      for (uint32_t i = 0; i < kItemsPerThread / 2; ++i) {
        to[i] = make_uint4(slots[2 * i].threshold, slots[2 * i].alias, slots[2 * i + 1].threshold,
                           slots[2 * i + 1].alias);
      }
      return;
    }
#endif
    for (uint32_t i = 0; i < kItemsPerThread; ++i) {
      if (i < present) job.table[start + i] = slots[i];
    }
  }
};

}  // namespace pysampler::cuda
