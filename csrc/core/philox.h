// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers:
// as easy as 1, 2, 3" (SC 2011). Every block is a pure function of (counter, key): nothing is carried along.
#pragma once

#include <cstdint>

#include "core/macros.h"
#include "core/multiply_high.h"

namespace pysampler {

constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53u;
constexpr uint32_t kPhiloxMultiplier1 = 0xCD9E8D57u;
constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9u;
constexpr uint32_t kPhiloxWeyl1 = 0xBB67AE85u;
constexpr int kPhiloxRounds = 10;

// 128 bits as two 64-bit words, the first holding the low-order (first) two 32-bit words.
struct PhiloxBlock {
  uint64_t low;
  uint64_t high;
};

PYSAMPLER_HOST_DEVICE PhiloxBlock philox4x32_10(PhiloxBlock counter, uint64_t key) {
  uint32_t c0 = static_cast<uint32_t>(counter.low), c1 = static_cast<uint32_t>(counter.low >> 32);
  uint32_t c2 = static_cast<uint32_t>(counter.high), c3 = static_cast<uint32_t>(counter.high >> 32);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t p0 = multiply_wide(kPhiloxMultiplier0, c0);
    const uint64_t p1 = multiply_wide(kPhiloxMultiplier1, c2);
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    k0 += kPhiloxWeyl0;
    k1 += kPhiloxWeyl1;
  }
  return {c0 | static_cast<uint64_t>(c1) << 32, c2 | static_cast<uint64_t>(c3) << 32};
}

}  // namespace pysampler
