// The merge of one block's lights and heavies, such that many threads can walk a stretch of it each.
#pragma once

#include <cstdint>

#include "core/alias_build.h"
#include "cuda/search.h"

namespace pysampler::cuda {

// A block's lights and then its heavies, both in order. Amounts are the sum of slot - mass over the lights before each,
// once more for the end of the lights, and the sum of mass - slot over the heavies up to and including each.
struct SplitBlock {
  uint64_t amounts[kBlockItems + 1];
  uint16_t places[kBlockItems];
};

// The merge of a block's lights and heavies. It passes a light while the current heavy still has something to give,
// else it closes the heavy. So it merges two ascending lists, deficits and excesses, where lights come first among
// equals, and can be entered at any of its steps. It ends where no light is left, or where the last heavy, which cannot
// close inside the block, has nothing more to give.
struct Merge {
  const uint64_t* deficit;
  const uint64_t* excess;
  const uint16_t* light_places;
  const uint16_t* heavy_places;
  uint32_t lights, heavies;
  uint32_t lights_done, heavies_done;
  uint64_t given;      // deficit of the lights that are done
  uint64_t overdrawn;  // 0, or what the last heavy has given too much: it becomes a light

  PYSAMPLER_HOST_DEVICE uint32_t steps() const { return lights_done + heavies_done; }
  // How many of the first `step` steps, at most steps(), pass a light.
  PYSAMPLER_HOST_DEVICE uint32_t lights_before(uint32_t step) const {
    uint32_t first = step > heavies_done ? step - heavies_done : 0;
    uint32_t end = step < lights_done ? step : lights_done;
    while (first < end) {
      const uint32_t middle = (first + end) / 2;
      const bool passed = deficit[middle] <= excess[step - 1 - middle];
      first = passed ? middle + 1 : first;
      end = passed ? end : middle;
    }
    return first;
  }

  PYSAMPLER_HOST_DEVICE bool becomes_light() const { return overdrawn != 0; }
  PYSAMPLER_HOST_DEVICE uint32_t lights_left() const { return lights - lights_done + becomes_light(); }
  PYSAMPLER_HOST_DEVICE uint32_t heavies_left() const { return becomes_light() ? 0 : heavies - heavies_done; }
  PYSAMPLER_HOST_DEVICE uint64_t deficit_left() const { return overdrawn + (deficit[lights] - given); }
  PYSAMPLER_HOST_DEVICE uint64_t excess_left() const { return heavies_left() == 0 ? 0 : excess[heavies - 1] - given; }
};

PYSAMPLER_HOST_DEVICE Merge merge_of(const SplitBlock& block, uint32_t lights, uint32_t heavies) {
  Merge merge = {block.amounts, block.amounts + lights + 1, block.places, block.places + lights, lights, heavies,
                 0,             0,                          0,            0};
  if (heavies == 0) return merge;
  merge.lights_done = count_up_to(merge.deficit, lights, merge.excess[heavies - 1]);
  merge.heavies_done = count_below(merge.excess, heavies - 1, merge.deficit[lights]);
  merge.given = merge.deficit[merge.lights_done];
  // Less than that only if it is the last one: one before it would have closed.
  const uint64_t had = merge.excess[merge.heavies_done];
  if (had < merge.given) merge.overdrawn = merge.given - had;
  return merge;
}

}  // namespace pysampler::cuda
