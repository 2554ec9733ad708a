// The second long pass: the masses of each block of items, evened out to its quota, and as many of its slots as can be
// filled inside the block; the rest goes to the leftovers. A block of threads to a block of items, 8 items a thread.
#pragma once

#include "cuda/table/block_masses.h"
#include "cuda/table/build_job.h"
#include "cuda/table/merge.h"
#include "cuda/team.h"

namespace pysampler::cuda {

template <class Weight>
struct Pack {
  static constexpr uint32_t kThreads = kPackThreads;
  using Masses = BlockMasses<Weight>;

  struct Parted {
    uint64_t deficit, excess;
    uint32_t lights, heavies;

    friend PYSAMPLER_HOST_DEVICE Parted add(const Parted& a, const Parted& b) {
      return {a.deficit + b.deficit, a.excess + b.excess, a.lights + b.lights, a.heavies + b.heavies};
    }
  };
  struct Shared {
    union {  // the sums are done with, one and more steps before the next thing is written
      typename Masses::Counted counted[2][kThreads];
      SplitBlock split;
    };
    union {
      typename Masses::Largest largest[kThreads];
      Parted parted[2][kThreads];
      alignas(16) AliasEntry slots[kBlockItems];
    };
  };

  BuildJob job;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    if (job.state->outcome.failed != 0) return;
    typename Team::template Own<typename Masses::Items> own;
    team.each([&](uint32_t thread) { own[thread] = Masses::items_of(job, team.block(), thread); });
    if (!Masses::even_out(team, shared, own, job.quotas[team.block()])) {
      team.each([&](uint32_t thread) {
        if (thread == 0) job.state->outcome.changed = 1;
      });
      return;
    }
    const Parted all = part(team, shared, own);
    const Merge merge = merge_of(shared.split, all.lights, all.heavies);
    team.each([&](uint32_t thread) {
      walk(team.block(), thread, merge, shared.slots);
      leave_lights(team.block(), thread, merge);
      leave_heavies(team.block(), thread, merge, shared.slots);
    });
    team.each([&](uint32_t thread) {
      store(team.block(), thread, shared.slots);
      if (thread != 0) return;
      job.leftovers.lights[team.block()] = merge.lights_left();
      job.leftovers.heavies[team.block()] = merge.heavies_left();
      job.leftovers.deficit[team.block()] = merge.deficit_left();
      job.leftovers.excess[team.block()] = merge.excess_left();
    });
  }

 private:
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
      Parted sum = {0, 0, 0, 0};
      if (thread != 0) sum = parted[thread - 1];
      for (uint32_t i = 0; i < kItemsPerThread; ++i) {  // to a constant, so that masses stay in registers
        if (i >= own[thread].present) continue;
        const uint64_t mass = own[thread].mass[i];
        const Parted with = add(sum, part_of(mass));
        const uint32_t number = mass < kSlotMass ? sum.lights : all.lights + sum.heavies;
        shared.split.places[number] = static_cast<uint16_t>(thread * kItemsPerThread + i);
        if (mass < kSlotMass) {
          shared.split.amounts[number] = sum.deficit;
        } else {
          shared.split.amounts[number + 1] = with.excess;
        }
        sum = with;
      }
      if (thread == kThreads - 1) shared.split.amounts[all.lights] = all.deficit;
    });
    return all;
  }

  static PYSAMPLER_HOST_DEVICE Parted part_of(uint64_t mass) {
    return mass < kSlotMass ? Parted{kSlotMass - mass, 0, 1, 0} : Parted{0, mass - kSlotMass, 0, 1};
  }

  // The thread's share of the merge: as many steps as it has items. Each step decides one slot.
  PYSAMPLER_HOST_DEVICE void walk(uint64_t block, uint32_t thread, const Merge& merge, AliasEntry* slots) const {
    const uint32_t first = thread * kItemsPerThread;
    if (first >= merge.steps()) return;
    const uint32_t steps = merge.steps() - first < kItemsPerThread ? merge.steps() - first : kItemsPerThread;
    uint32_t light = merge.lights_before(first);
    uint32_t heavy = first - light;
    uint64_t deficit = merge.deficit[light], excess = merge.excess[heavy];
    uint32_t heavy_item = item(block, merge.heavy_places[heavy]);
    for (uint32_t step = 0; step < steps; ++step) {
      if (heavy == merge.heavies_done || deficit <= excess) {
        const uint64_t next = merge.deficit[light + 1];
        slots[merge.light_places[light]] = {static_cast<uint32_t>(kSlotMass - (next - deficit)), heavy_item};
        deficit = next;
        ++light;
      } else {
        const uint32_t next_item = item(block, merge.heavy_places[heavy + 1]);
        slots[merge.heavy_places[heavy]] = closed_heavy(excess, deficit, next_item);
        heavy_item = next_item;
        excess = merge.excess[++heavy];
      }
    }
  }

  // Leftovers: lights or heavies, never both. What is written to their slots does not matter.
  PYSAMPLER_HOST_DEVICE void leave_lights(uint64_t block, uint32_t thread, const Merge& merge) const {
    if (thread == 0 && merge.becomes_light()) leave(block, 0, merge.overdrawn, merge.heavy_places[merge.heavies_done]);
    for (uint32_t light = merge.lights_done + thread; light < merge.lights; light += kThreads) {
      leave(block, light - merge.lights_done + merge.becomes_light(),
            merge.overdrawn + (merge.deficit[light + 1] - merge.given), merge.light_places[light]);
    }
  }

  PYSAMPLER_HOST_DEVICE void leave_heavies(uint64_t block, uint32_t thread, const Merge& merge,
                                           AliasEntry* slots) const {
    for (uint32_t left = thread; left < merge.heavies_left(); left += kThreads) {
      const uint32_t heavy = merge.heavies_done + left;
      const uint16_t place = merge.heavy_places[heavy];
      leave(block, left, merge.excess[heavy] - merge.given, place);
      // But if it has nothing to give, the leftovers will pass it over.
      const uint64_t before = left == 0 ? merge.given : merge.excess[heavy - 1];
      if (merge.excess[heavy] == before) slots[place] = full_slot(item(block, place));
    }
  }

  PYSAMPLER_HOST_DEVICE uint32_t item(uint64_t block, uint16_t place) const {
    return static_cast<uint32_t>(job.layout().item(block, place));
  }

  PYSAMPLER_HOST_DEVICE void leave(uint64_t block, uint32_t number, uint64_t amount, uint16_t place) const {
    job.leftovers.amounts[block * kBlockItems + number] = amount;
    job.leftovers.places[block * kBlockItems + number] = place;
  }

  // Neighbouring threads write neighbouring pairs of slots.
  PYSAMPLER_HOST_DEVICE void store(uint64_t block, uint32_t thread, const AliasEntry* slots) const {
    for (uint32_t place = 2 * thread; place < kBlockItems; place += 2 * kThreads) {
      const uint64_t item = job.layout().item(block, place);
      if (item + 1 < job.items) {
        store_pair(job.table + item, slots + place);
      } else if (item < job.items) {
        job.table[item] = slots[place];
      }
    }
  }

  // Both lie at multiples of 16 bytes.
  static PYSAMPLER_HOST_DEVICE void store_pair(AliasEntry* to, const AliasEntry* from) {
#if defined(__CUDA_ARCH__)
    *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
#else
    to[0] = from[0];
    to[1] = from[1];
#endif
  }
};

}  // namespace pysampler::cuda
