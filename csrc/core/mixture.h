// Mixtures of sources: which source has a position, and how many of its positions came before, by arithmetic alone.
//
// Shares are integer masses that sum to exactly 2^64, laid side by side. Window e holds W lattice points,
// (j * 2^64 + V_e) / W for j < W, with V_e = U_0 + e * kMixtureStep modulo 2^64. A boundary A between two masses is kept as
// A * W = whole * 2^64 + rest; of a window's points, whole + [V_e < rest] lie below it. How often V_i < rest for the windows
// i of a run is a difference of two sums of floor((i * kMixtureStep + start) / 2^64), each of which takes O(log) steps.
#pragma once

#include <cstdint>

#include "core/macros.h"
#include "core/multiply_high.h"
#include "core/permutation.h"
#include "core/stream.h"

namespace pysampler {

// 2^64 times a number near the golden ratio whose 71 partial quotients are all at most 4 (those of the golden step of
// systematic sampling, near 2^64 / 1.618..., end with one of 121): runs of any length are spread evenly.
constexpr uint64_t kMixtureStep = 0x9E3779B97F472C73ull;
constexpr uint64_t kMaxMixtureWindow = uint64_t{1} << 24;
constexpr uint64_t kMaxMixturePosition = uint64_t{1} << 62;
constexpr int kMaxInnerBits = 16;  // the group's windows have at most 2^16 points

struct MassBoundary {
  uint64_t whole, rest;
};

// U_0 of the mixture, and of the group of small sources in a stage.
PYSAMPLER_HOST_DEVICE uint64_t mixture_offset(uint64_t seed) {
  return stream_word(make_stream(seed, 0, Tag::kMixtureOffset), 0);
}
PYSAMPLER_HOST_DEVICE uint64_t group_offset(uint64_t seed, uint64_t stage) {
  return stream_word(make_stream(seed, 0, Tag::kMixtureOffset), 1 + stage);
}

// V_e.
PYSAMPLER_HOST_DEVICE uint64_t window_offset(uint64_t first_offset, uint64_t window) {
  return first_offset + window * kMixtureStep;
}

// How many points of a window lie below a boundary.
PYSAMPLER_HOST_DEVICE uint64_t points_below(MassBoundary boundary, uint64_t offset) {
  return boundary.whole + (offset < boundary.rest);
}

struct Quotient {
  uint64_t quotient, remainder;
};

// (high * 2^64 + low) / divisor. Needs high < divisor, so that the quotient fits.
PYSAMPLER_HOST_DEVICE Quotient divide_wide(uint64_t high, uint64_t low, uint64_t divisor) {
#if defined(__x86_64__) && defined(__SIZEOF_INT128__) && !defined(__CUDA_ARCH__)
  Quotient found = {low, high};  // one instruction, where division of 128-bit integers would be a call
  __asm__("divq %2" : "+a"(found.quotient), "+d"(found.remainder) : "r"(divisor) : "cc");
  return found;
#elif defined(__SIZEOF_INT128__)
  __extension__ typedef unsigned __int128 Wide;
  const Wide value = static_cast<Wide>(high) << 64 | low;
  return {static_cast<uint64_t>(value / divisor), static_cast<uint64_t>(value % divisor)};
#else
  uint64_t quotient = 0;
  for (int bit = 63; bit >= 0; --bit) {  // long division by bits
    const bool carry = high >> 63 != 0;
    high = high << 1 | (low >> bit & 1);
    if (carry || high >= divisor) {
      high -= divisor;
      quotient |= uint64_t{1} << bit;
    }
  }
  return {quotient, high};
#endif
}

// The sum of floor((i * kMixtureStep + start) / 2^64) over i < count <= 2^62, modulo 2^64: Euclid's algorithm on the step
// (Graham, Knuth and Patashnik, "Concrete Mathematics", 3.5).
PYSAMPLER_HOST_DEVICE uint64_t wraps_before(uint64_t start, uint64_t count) {
  const auto linear = [](uint64_t a, uint64_t n, uint64_t b, uint64_t* high) {  // a * n + b
    const uint64_t low = a * n + b;
    *high = multiply_high(a, n) + (low < b);
    return low;
  };
  uint64_t n = 0, total = 0;
  uint64_t b = linear(kMixtureStep, count, start, &n);  // the first step divides by 2^64
  if (n == 0) return 0;
  uint64_t m = kMixtureStep, a = (0 - m) % m, whole = (0 - m) / m + 1;  // 2^64 = whole * m + a
  while (true) {
    const uint64_t pairs = n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n;
    total += pairs * whole + n * (b / m);
    uint64_t high = 0;
    const uint64_t low = linear(a, n, b % m, &high);
    if (high == 0 && low < m) return total;
    const Quotient next = divide_wide(high, low, m);
    n = next.quotient;
    b = next.remainder;
    const uint64_t divisor = a;
    whole = m / divisor;
    a = m % divisor;
    m = divisor;
  }
}

// How many points lie from `low` up to `high` in `count` windows, the first of which has offset `offset`.
PYSAMPLER_HOST_DEVICE uint64_t points_between(MassBoundary low, MassBoundary high, uint64_t offset, uint64_t count) {
  if (count == 0) return 0;
  const auto not_below = [=](uint64_t rest) {  // count - [V_i < rest] summed, up to a constant
    return wraps_before(offset - rest, count) - (offset < rest ? count : 0);
  };
  const uint64_t parts = low.rest == high.rest ? 0 : not_below(low.rest) - not_below(high.rest);
  return count * (high.whole - low.whole) + parts;
}

// The interval that holds a window's point number `point`: the last that begins at or before it. `begins`: one more than
// there are intervals, ascending.
PYSAMPLER_HOST_DEVICE uint64_t interval_of(const MassBoundary* begins, uint64_t intervals, uint64_t offset,
                                           uint64_t point) {
  uint64_t low = 0;
  for (uint64_t left = intervals; left > 1;) {
    const uint64_t half = left / 2;
    low += points_below(begins[low + half], offset) <= point ? half : 0;
    left -= half;
  }
  return low;
}

// The same for a place floor(word * W / 2^64), of which `word * W` is split into whole and rest.
PYSAMPLER_HOST_DEVICE uint64_t interval_with(const MassBoundary* begins, uint64_t intervals, MassBoundary at) {
  uint64_t low = 0;
  for (uint64_t left = intervals; left > 1;) {
    const uint64_t half = left / 2;
    const MassBoundary middle = begins[low + half];
    low += middle.whole < at.whole || (middle.whole == at.whole && middle.rest <= at.rest) ? half : 0;
    left -= half;
  }
  return low;
}

}  // namespace pysampler
