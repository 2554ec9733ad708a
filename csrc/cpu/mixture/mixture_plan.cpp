#include "cpu/mixture/mixture_plan.h"

#include <algorithm>
#include <utility>

namespace pysampler {

MixtureStage mixture_stage(uint64_t first_window, Intervals outer, Intervals inner, int inner_bits, uint64_t sources) {
  MixtureStage stage = {first_window, std::move(outer), std::move(inner), inner_bits, 0, 0, {}};
  stage.interval.assign(sources, MixtureStage::kNowhere);
  for (uint64_t i = 0; i < stage.outer.size(); ++i) {
    const uint32_t source = stage.outer.sources[i];
    if (source == kGroup) {
      stage.group = i;
    } else {
      stage.interval[source] = static_cast<uint32_t>(i);
    }
  }
  for (uint64_t i = 0; i < stage.inner.size(); ++i) {
    stage.interval[stage.inner.sources[i]] = MixtureStage::kInGroup | static_cast<uint32_t>(i);
  }
  uint64_t squares = 0;
  for (uint64_t i = 0; i < stage.inner.size(); ++i) {
    const uint64_t points = stage.inner.begins[i + 1].whole - stage.inner.begins[i].whole;
    squares += points * points;
  }
  stage.inner_run = squares >> inner_bits;
  return stage;
}

uint64_t MixturePlan::stage_of(uint64_t window_number) const {
  const auto next = std::upper_bound(stages.begin(), stages.end(), window_number,
                                     [](uint64_t number, const auto& stage) { return number < stage->first_window; });
  return static_cast<uint64_t>(next - stages.begin()) - 1;
}

}  // namespace pysampler
