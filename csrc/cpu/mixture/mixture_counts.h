// How many positions each source of a mixture has had, in closed form.
#pragma once

#include <cstdint>

#include "cpu/mixture/mixture_plan.h"

namespace pysampler {

class MixtureCounts {
 public:
  MixtureCounts(const MixturePlan& plan, uint64_t seed) : plan_(plan), seed_(seed), offset_(mixture_offset(seed)) {}

  // Of a source in windows 0 .. windows - 1. One or two floor sums a stage; of a source in the group, some more.
  uint64_t before(uint64_t source, uint64_t windows) const;
  // In the windows of the stages before number `stage`.
  uint64_t before_stage(uint64_t source, uint64_t stage) const;
  // The group's positions in a stage before a window of it.
  uint64_t of_group(uint64_t stage, uint64_t window) const;

  static constexpr uint64_t kNever = ~uint64_t{0};
  // The window of a source's occurrence number `occurrence`; kNever if there is none below position 2^62.
  uint64_t window_of(uint64_t source, uint64_t occurrence) const;

 private:
  uint64_t in_stage(uint64_t source, uint64_t stage, uint64_t end_window) const;

  const MixturePlan& plan_;
  const uint64_t seed_, offset_;
};

// The order of window number `window` of the group in a stage.
inline Permutation group_order(uint64_t seed, uint64_t stage, uint64_t window, int bits) {
  return make_permutation(make_stream(seed, stage, Tag::kMixtureInnerOrder), window, uint64_t{1} << bits);
}

}  // namespace pysampler
