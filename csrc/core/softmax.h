// From logits to weights: exponentials that every processor and device computes alike.
#pragma once

#include <cstdint>

#include "core/alias_build.h"
#include "core/exponential_race.h"
#include "core/macros.h"

namespace pysampler {

// Logits further below the largest of their row than this weigh nothing: less than 10^-307 of it.
constexpr double kLowestLogit = -708.0;

// e^x for x in [kLowestLogit, 0], 0 below, and not a number for what is none. Relative error below 2^-51. IEEE +, -, *
// only: x = n ln 2 + r with |r| <= ln 2 / 2, and the Taylor polynomial of degree 13 for e^r, whose remainder is 2^-57.
PYSAMPLER_HOST_DEVICE double exponential_below_zero(double x) {
  const double kLog2E = 0x1.71547652b82fep+0, kLn2High = 0x1.62e42fee00000p-1, kLn2Low = 0x1.a39ef35793c76p-33;
  const double kToInteger = 0x1.8p52;  // added, it leaves the nearest integer in the lowest bits
  const double shifted = x * kLog2E + kToInteger, n = shifted - kToInteger;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double sum = 1.0 / 6227020800.0;
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  const double power = double_from_bits((bits_of(shifted) + 1023) << 52);  // 2^n: n lies in the lowest bits
  return x < kLowestLogit ? 0.0 : sum * power;
}

// A row's weights sum to less than its length; the largest is 1. Not numbers where some logit is none, or +infinity, or
// where all are -infinity.
PYSAMPLER_HOST_DEVICE double softmax_weight(double logit, double largest) {
  return exponential_below_zero(logit - largest);
}

}  // namespace pysampler
