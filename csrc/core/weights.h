// A view of the caller's weights. Other dtypes are converted to one of these two before they come here.
#pragma once

#include <cstdint>

namespace pysampler {

enum class WeightType : uint8_t { kFloat32, kFloat64 };

struct WeightView {
  const void* data;  // contiguous, native byte order, read only
  uint64_t count;
  WeightType type;
};

}  // namespace pysampler
