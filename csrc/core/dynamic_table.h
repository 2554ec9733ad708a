// Weights that change: their integer masses under a common scale, and the item that owns a unit of mass.
//
// A weight's mass is round-half-even(weight * 2^scale), but at least 1 if the weight is positive. It is always made from
// the weight itself, never by shifting a mass, and sums of integers have no order: what a table holds depends on its
// weights and its scale alone. The draw does not see how a table is laid out: it is the item that owns the unit
// floor(word * total / 2^64), the items' masses lying side by side in their order.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/alias_build.h"
#include "core/fingerprint.h"
#include "core/macros.h"
#include "core/multiply_high.h"

namespace pysampler {

// The scale stays while the total mass does in [kLeastTotal, kTotalLimit) or is zero. Rounding moves each mass by less
// than 1, so the total variation distance from the exact weights is at most items / total <= 2^-20.
constexpr uint64_t kLeastTotal = uint64_t{1} << 52;
constexpr uint64_t kTotalLimit = uint64_t{1} << 63;
// Otherwise it becomes the largest scale with a total below this. That is at least half of it, less a unit per item.
constexpr uint64_t kFreshTotalLimit = uint64_t{1} << 61;
// Masses that would be larger count as this much: far too much for any table, and a sum of 2^32 fits into 96 bits.
constexpr uint64_t kMassLimit = uint64_t{1} << 63;
// All scales that a table can have: those of a single denormal, and of 2^32 of the largest numbers.
constexpr int kLeastScale = -1000;
constexpr int kMostScale = 1200;

// round-half-even(weight * 2^scale), at least 1 for a positive weight, at most kMassLimit. Needs a finite weight >= 0.
// In integers, so that neither the rounding mode nor a treatment of denormals matters.
PYSAMPLER_HOST_DEVICE uint64_t mass_of(double weight, int scale) {
  uint64_t bits;
  memcpy(&bits, &weight, sizeof bits);
  bits &= ~(uint64_t{1} << 63);  // -0.0
  if (bits == 0) return 0;
  const int field = static_cast<int>(bits >> 52);
  const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  const uint64_t mantissa = field == 0 ? fraction : fraction | uint64_t{1} << 52;
  const int shift = (field == 0 ? 1 : field) - 1075 + scale;  // weight * 2^scale = mantissa * 2^shift
  if (shift >= 0) {
    return shift > 63 || mantissa >= kMassLimit >> shift ? kMassLimit : mantissa << shift;
  }
  if (shift < -54) return 1;
  const uint64_t whole = mantissa >> -shift, rest = mantissa & ((uint64_t{1} << -shift) - 1);
  const uint64_t half = uint64_t{1} << (-shift - 1);
  const uint64_t rounded = whole + (rest > half || (rest == half && whole % 2 != 0));
  return rounded == 0 ? 1 : rounded;
}

// Whether a table keeps its scale when its weights come to this total.
PYSAMPLER_HOST_DEVICE bool keeps_scale(WideSum total) {
  return total.high == 0 && total.low < kTotalLimit && (total.low >= kLeastTotal || total.low == 0);
}

// total + gained - lost: what was lost had been there, or was gained before.
PYSAMPLER_HOST_DEVICE WideSum changed_total(uint64_t total, WideSum gained, WideSum lost) {
  const WideSum sum = add(gained, total);
  return {sum.low - lost.low, sum.high - lost.high - (sum.low < lost.low)};
}

// What a weight at a place adds to the sum that a table's fingerprint is made of; a zero counts as well.
PYSAMPLER_HOST_DEVICE Fingerprint fingerprint_of_weight(double weight, uint64_t place) {
  uint64_t bits;
  memcpy(&bits, &weight, sizeof bits);
  return fingerprint_of(bits, place);
}

PYSAMPLER_HOST_DEVICE Fingerprint fingerprint_of_table(Fingerprint sum, int scale, uint64_t items) {
  const Fingerprint mixed = fingerprint_of(static_cast<uint64_t>(static_cast<int64_t>(scale)), kMaxItems);
  return finish(add(sum, mixed), items);
}

// The unit of mass that a random word points at.
PYSAMPLER_HOST_DEVICE uint64_t unit_of(uint64_t word, uint64_t total) { return multiply_high(word, total); }

constexpr uint64_t kChildren = 16;  // of a node, and weights of a leaf

// A node holds the mass before each of its children: masses[0] = 0. Which child owns a unit below the node's mass: the
// last one that begins at or before it. A child without mass is never it, for the next one begins where it does.
PYSAMPLER_HOST_DEVICE uint64_t child_at(const uint64_t* before, uint64_t unit) {
  uint64_t child = 0;
  for (uint64_t i = 1; i < kChildren; ++i) child += before[i] <= unit;
  return child;
}

// Adds to the mass of a child, modulo 2^64.
PYSAMPLER_HOST_DEVICE void add_to_child(uint64_t* before, uint64_t child, uint64_t difference) {
  for (uint64_t i = child + 1; i < kChildren; ++i) before[i] += difference;
}

}  // namespace pysampler
