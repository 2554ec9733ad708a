// Products wider than their factors.
#pragma once

#include <cstdint>

#include "core/macros.h"

namespace pysampler {

// All 64 bits of a 32 x 32 bit product. On a GPU one instruction, which nvcc does not find by itself: it widens the factors
// first, and what it does to their zero halves costs another one.
PYSAMPLER_HOST_DEVICE uint64_t multiply_wide(uint32_t a, uint32_t b) {
#if defined(__CUDA_ARCH__)
  uint64_t product;
  asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(a), "r"(b));
  return product;
#else
  return static_cast<uint64_t>(a) * b;
#endif
}

// floor(a * b / 2^32).
PYSAMPLER_HOST_DEVICE uint32_t multiply_high32(uint32_t a, uint32_t b) {
#if defined(__CUDA_ARCH__)
  return __umulhi(a, b);
#else
  return static_cast<uint32_t>(static_cast<uint64_t>(a) * b >> 32);
#endif
}

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
