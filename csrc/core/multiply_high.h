// The high half of a 64 x 64 bit product.
#pragma once

#include <cstdint>

#include "core/macros.h"

namespace pysampler {

// floor(a * b / 2^64).
PYSAMPLER_HOST_DEVICE uint64_t multiply_high(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
  __extension__ typedef unsigned __int128 Wide;
  return static_cast<uint64_t>(static_cast<Wide>(a) * b >> 64);
#else
  const uint64_t a_low = a & 0xFFFFFFFFu, a_high = a >> 32, b_low = b & 0xFFFFFFFFu, b_high = b >> 32;
  const uint64_t low = a_low * b_low, cross = a_high * b_low + (low >> 32);
  const uint64_t other = a_low * b_high + (cross & 0xFFFFFFFFu);
  return a_high * b_high + (cross >> 32) + (other >> 32);
#endif
}

}  // namespace pysampler
