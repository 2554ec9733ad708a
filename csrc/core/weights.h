// The caller's weights, and what can be wrong with them.
#pragma once

#include <cstdint>

#include "core/macros.h"

namespace pysampler {

// Other dtypes are converted to one of these two before they come here.
enum class WeightType : uint8_t { kFloat32, kFloat64 };

struct WeightView {
  const void* data;  // contiguous, native byte order, read only
  uint64_t count;
  WeightType type;
};

PYSAMPLER_HOST_DEVICE double weight_at(const WeightView& weights, uint64_t index) {
  return weights.type == WeightType::kFloat32 ? static_cast<const float*>(weights.data)[index]
                                              : static_cast<const double*>(weights.data)[index];
}

// What is wrong with weights that define no distribution.
struct InvalidWeights {
  enum class Reason { kNotFiniteOrNegative, kAllZero, kChangedMeanwhile };
  Reason reason;
  uint64_t first_index = 0;  // of a bad weight, with its value and how many there are
  double first_value = 0;
  uint64_t bad_count = 0;
};

// Finite and not negative: the difference is NaN for infinity, and NaN fails every comparison.
template <class Weight>
PYSAMPLER_HOST_DEVICE bool is_valid(Weight weight) {
  return weight >= 0 && weight - weight == 0;
}

}  // namespace pysampler
