#include "cpu/mixture/mixture_counts.h"

namespace pysampler {

uint64_t MixtureCounts::of_group(uint64_t stage, uint64_t window) const {
  const MixtureStage& in = *plan_.stages[stage];
  if (in.inner.size() == 0) return 0;
  return points_between(in.outer.begins[in.group], in.outer.begins[in.group + 1],
                        window_offset(offset_, in.first_window), window - in.first_window);
}

uint64_t MixtureCounts::in_stage(uint64_t source, uint64_t stage, uint64_t end_window) const {
  const MixtureStage& in = *plan_.stages[stage];
  const uint32_t interval = in.interval[source];
  if (interval == MixtureStage::kNowhere) return 0;
  if ((interval & MixtureStage::kInGroup) == 0) {
    return points_between(in.outer.begins[interval], in.outer.begins[interval + 1],
                          window_offset(offset_, in.first_window), end_window - in.first_window);
  }
  const MassBoundary* const begin = &in.inner.begins[interval & ~MixtureStage::kInGroup];
  const uint64_t group = of_group(stage, end_window);
  const uint64_t windows = group >> in.inner_bits, cut = group - (windows << in.inner_bits);
  const uint64_t first_offset = group_offset(seed_, stage), offset = window_offset(first_offset, windows);
  uint64_t count = points_between(begin[0], begin[1], first_offset, windows);
  if (cut == 0) return count;
  // What the window that is under way has given: the points whose place in its order has come.
  const uint64_t end = points_below(begin[1], offset);
  const Permutation order = group_order(seed_, stage, windows, in.inner_bits);
  for (uint64_t point = points_below(begin[0], offset); point < end; ++point) count += element_at(order, point) < cut;
  return count;
}

uint64_t MixtureCounts::before_stage(uint64_t source, uint64_t stage) const {
  uint64_t count = 0;
  for (uint64_t s = 0; s < stage; ++s) count += in_stage(source, s, plan_.stages[s + 1]->first_window);
  return count;
}

uint64_t MixtureCounts::before(uint64_t source, uint64_t windows) const {
  if (windows == 0) return 0;
  const uint64_t stage = plan_.stage_of(windows - 1);
  return before_stage(source, stage) + in_stage(source, stage, windows);
}

uint64_t MixtureCounts::window_of(uint64_t source, uint64_t occurrence) const {
  uint64_t low = 0, high = kMaxMixturePosition / plan_.window;  // before(low) <= occurrence < before(high)
  if (before(source, high) <= occurrence) return kNever;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (before(source, middle) <= occurrence ? low : high) = middle;
  }
  return low;
}

}  // namespace pysampler
