// Which draws of a stream are wanted.
#pragma once

#include <cstdint>

#include "core/macros.h"

namespace pysampler {

// start, start + step, ...: `count` of them, all below 2^63.
struct Positions {
  uint64_t start, step, count;

  PYSAMPLER_HOST_DEVICE uint64_t operator[](uint64_t i) const { return start + i * step; }
  // The `n` from number `first` on.
  PYSAMPLER_HOST_DEVICE Positions part(uint64_t first, uint64_t n) const { return {start + first * step, step, n}; }
};

}  // namespace pysampler
