// A 128-bit fingerprint of a table. A sum of mixed entries: any order, thread count or device gives the same bits.
// It detects damage and mix-ups; it is no cryptographic signature.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/macros.h"

namespace pysampler {

struct Fingerprint {
  uint64_t low;
  uint64_t high;
};

// The finaliser of SplitMix64 (Steele, Lea and Flood 2014; constants by Stafford): a bijection on 64 bits.
PYSAMPLER_HOST_DEVICE uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

PYSAMPLER_HOST_DEVICE Fingerprint add(Fingerprint a, Fingerprint b) { return {a.low + b.low, a.high + b.high}; }

// What 64 bits at `index` add. A change of one entry always changes `low`: mix64 is a bijection.
PYSAMPLER_HOST_DEVICE Fingerprint fingerprint_of(uint64_t bits, uint64_t index) {
  const uint64_t low = mix64(bits + (index + 1) * 0x9E3779B97F4A7C15ull);
  return {low, mix64(low ^ 0xD1B54A32D192ED03ull)};
}

PYSAMPLER_HOST_DEVICE Fingerprint fingerprint_of(AliasEntry entry, uint64_t index) {
  return fingerprint_of(entry.threshold | static_cast<uint64_t>(entry.alias) << 32, index);
}

PYSAMPLER_HOST_DEVICE Fingerprint finish(Fingerprint sum, uint64_t items) {
  return {mix64(sum.low ^ items), mix64(sum.high + items)};
}

// The fingerprint of two things that belong together, in this order.
PYSAMPLER_HOST_DEVICE Fingerprint combine(Fingerprint first, Fingerprint second) {
  return {mix64(first.low + mix64(second.low)), mix64(first.high + mix64(second.high))};
}

}  // namespace pysampler
