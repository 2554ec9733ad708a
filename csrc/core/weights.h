// A view of the caller's weights. Other dtypes are converted to one of these two before they come here.
#pragma once

#include <cstdint>

#include "core/macros.h"

namespace pysampler {

enum class WeightType : uint8_t { kFloat32, kFloat64 };

struct WeightView {
  const void* data;  // contiguous, native byte order, read only
  uint64_t count;
  WeightType type;
};

// Finite and not negative: the difference is NaN for infinity, and NaN fails every comparison.
template <class Weight>
PYSAMPLER_HOST_DEVICE bool is_valid(Weight weight) {
  return weight >= 0 && weight - weight == 0;
}

}  // namespace pysampler
