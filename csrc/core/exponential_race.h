// The exponential race: weighted sampling without replacement as a sort.
//
// Item i runs for the time T_i = E_i / w_i with independent E_i ~ Exp(1). Ordered by arrival, the items are those of
// successive sampling: each next one is drawn from the items left over, in proportion to their weights (Efraimidis
// and Spirakis 2006; the race itself is Renyi 1953). Everything here is integers and IEEE +, -, *, / on doubles, never
// contracted, so that every instruction set, thread count and device finds the same keys.
//
// How close to the exact law. Let e = 2^-50 bound the relative error of a computed key given its uniform number
// (measured: 3.7e-16 from the logarithm; 1.1e-16 from the division; scaling is exact). The computed order of the first
// k of n items can differ from that of a race with real numbers only
//  - if for some r <= k the r-th and the next arrival lie within a factor 1 + 2e. The gap after the r-th is exponential
//    with rate R_r, the weight left over, and E[R_r T_(r)] <= r because R decreases, so the probability of this is at
//    most 2e (1 + 2 + ... + k) = e k (k + 1);
//  - or if two arrivals are closer than the steps of the 64-bit uniform numbers can tell: at most 2^-64 n (k + 24).
// Total variation distance <= 2^-50 k (k + 1) + 2^-64 n (k + 24), whatever the weights: 9e-4 for k = 10^6. This counts
// every near tie as an error although either order is about as likely. Exact ties alone, which for equal weights make
// the race an inverse riffle shuffle (Bayer and Diaconis 1992), suggest some 2^-57 n^1.5 for k = n: 2e-7 at 10^7.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/macros.h"

namespace pysampler {

PYSAMPLER_HOST_DEVICE double double_from_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

PYSAMPLER_HOST_DEVICE uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The double nearest to n ^ flip, where flip is 0 or 2^64 - 1 given by its low 32 bits. Both halves are placed in the
// mantissa of a large power of two, which every vector unit can do; only the last addition rounds.
PYSAMPLER_HOST_DEVICE double nearest_double(uint64_t n, uint64_t flip) {
  const double high = double_from_bits((0x4530000000000000ull | flip) ^ n >> 32) - 0x1.00000001p84;
  return high + double_from_bits((0x4330000000000000ull | flip) ^ (n & 0xFFFFFFFFull));
}

// 2^64 V for V = (word + 1/2) / 2^64, the uniform number in (0, 1) that a word stands for.
PYSAMPLER_HOST_DEVICE double scaled_uniform(uint64_t word) { return nearest_double(word, 0) + 0.5; }

// -ln(1 - V): a standard exponential, in [2^-65, 45.1]. Relative error at most 3.7e-16 for every word: 1 - V is taken
// from the integer complement, so nothing cancels when V is near 1, and V itself where 1 - V is near 1.
// With 1 - V = 2^-e (1 + f), 1 + f in [sqrt 1/2, sqrt 2) and s = f / (2 + f): ln(1 + f) = 2 s + s (2/3 s^2 + ...),
// summed as f - f^2/2 + s (f^2/2 + R(s^2)) (as fdlibm does), R being a minimax polynomial of our own, within 2^-59.
PYSAMPLER_HOST_DEVICE double exponential_of(uint64_t word) {
  const double uniform = scaled_uniform(word);
  const double complement = nearest_double(word, 0xFFFFFFFFull) + 0.5;
  const uint64_t kOne = uint64_t{1} << 52;
  const uint64_t above = bits_of(complement) - (0x3FE6A09E667F3BCDull - kOne);  // above sqrt(1/2) / 2
  const uint64_t power = above >> 52;                                          // complement = 2^(power - 1) (1 + f)
  const double mantissa = double_from_bits(bits_of(complement) - (power << 52) + kOne);
  const double e = double_from_bits(0x4330000000000000ull | (65 - power)) - 0x1p52;
  const uint64_t below_top = 0 - ((power - 65) >> 63);  // all ones unless e = 0, where f = -V without cancellation
  const double f = double_from_bits((bits_of(mantissa - 1.0) & below_top) | (bits_of(uniform * -0x1p-64) & ~below_top));
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double zz = z * z;
  const double even = zz * (0x1.999999997fdb7p-2 + zz * (0x1.c71c52095d16fp-3 + zz * 0x1.39a1bab73fcacp-3));
  const double odd = z * (0x1.5555555555592p-1 + zz * (0x1.24924941f124fp-2 +
                                                       zz * (0x1.74663ee86e841p-3 + zz * 0x1.2f0563862e5fdp-3)));
  const double half = 0.5 * f * f;
  const double kLn2High = 0x1.62e42fee00000p-1, kLn2Low = 0x1.a39ef35793c76p-33;  // e * kLn2High is exact
  return e * kLn2High + ((half - (s * (half + (even + odd)) - e * kLn2Low)) - f);
}

// Weights race times a power of two, which changes no order. float32 weights need none. float64 weights are brought
// below 2^901 where that is possible, so that the smallest key, 2^-65 / 2^901, is a normal number; and scaled weights
// below 2^-1015 run as if they were 2^-1015, so that the largest key, 45.1 * 2^1015, is finite. That last rule is all
// that remains: it touches only weights more than 2^1915 = 10^576 times smaller than the largest.
constexpr double kSmallestRacedWeight = 0x1p-1015;

// The factor for weights whose largest has the bits `largest`.
PYSAMPLER_HOST_DEVICE double race_scale(uint64_t largest) {
  const int exponent = static_cast<int>(largest >> 52) - 1023;  // -1023 for denormal numbers
  const int wanted = 900 - exponent;
  return double_from_bits(static_cast<uint64_t>((wanted < 1023 ? wanted : 1023) + 1023) << 52);
}

// Not a number for weights that are not positive: such items do not run.
PYSAMPLER_HOST_DEVICE double raced_weight(double weight, double scale) {
  const double scaled = weight * scale;
  const double raised = scaled < kSmallestRacedWeight ? kSmallestRacedWeight : scaled;
  return weight > 0.0 ? raised : double_from_bits(0x7FF8000000000000ull);
}

// An item's key: the bits of its time, which for positive numbers sort as the numbers do. Those of an item that does
// not run are not a number's, and so above any other key. Ties are broken by the item's index.
PYSAMPLER_HOST_DEVICE uint64_t race_key(uint64_t word, double raced) { return bits_of(exponential_of(word) / raced); }

constexpr uint64_t kLargestKey = 0x7FEFFFFFFFFFFFFFull;
constexpr uint64_t kDoesNotRun = 0x7FF8000000000000ull;

}  // namespace pysampler
