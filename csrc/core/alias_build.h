// The arithmetic of table construction: how real weights become integer masses that sum to exactly items * 2^32.
//
// Everything here is IEEE double multiplication, division and conversion (no libm, no fused multiply-add) or integer
// arithmetic, in a written order, so every processor, thread count and device builds the same table.
//
//   1. Items are grouped in blocks (BlockLayout). S_b is the sum of the weights of block b, in the order of block_sum.
//   2. S_b becomes an integer by aligning exponents; sums of integers do not depend on their order.
//   3. An item whose ideal mass t = w * items * 2^32 / sum is below kSmallMass gets max(1, floor(t)), so a positive
//      weight is never lost. What that gives away is taken from the others in proportion (less than 2^-31 of each).
//   4. The others share the rest: block b gets the difference of two rounded cumulative sums (Quotas), and inside the
//      block each gets the floor of its share, the remaining units going one each to the first of them.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/alias_table.h"
#include "core/macros.h"

namespace pysampler {

// A block is 64 groups of 16 neighbouring items (a cache line of float32), the groups lying `blocks` groups apart. So a
// block is a sample of the whole array: sorted or class-sorted weights fill blocks as evenly as shuffled ones.
constexpr uint64_t kGroupItems = 16;
constexpr uint64_t kGroups = 64;
constexpr uint64_t kBlockItems = kGroupItems * kGroups;

struct BlockLayout {
  uint64_t items;
  uint64_t blocks;

  PYSAMPLER_HOST_DEVICE uint64_t group_start(uint64_t block, uint64_t group) const {
    return (group * blocks + block) * kGroupItems;
  }
  // How many items the group that starts at `start` has: 16, fewer at the end of the array, none beyond it.
  PYSAMPLER_HOST_DEVICE uint64_t group_size(uint64_t start) const {
    if (start >= items) return 0;
    return items - start < kGroupItems ? items - start : kGroupItems;
  }
  // Later groups are empty in every block.
  PYSAMPLER_HOST_DEVICE uint64_t groups_with_items() const {
    return (items + blocks * kGroupItems - 1) / (blocks * kGroupItems);
  }
  // The item at `place` of [0, kBlockItems), or a number from `items` on where the block has none.
  PYSAMPLER_HOST_DEVICE uint64_t item(uint64_t block, uint64_t place) const {
    return group_start(block, place / kGroupItems) + place % kGroupItems;
  }
};

PYSAMPLER_HOST_DEVICE BlockLayout block_layout(uint64_t items) {
  return {items, (items + kBlockItems - 1) / kBlockItems};
}

// Items with an ideal mass below this are rounded one by one. Large enough that a block's leftover units, which may
// have to be taken from one of its other items, never empty it.
constexpr double kSmallMass = 64.0;

PYSAMPLER_HOST_DEVICE uint64_t small_mass(double ideal) {
  const uint64_t whole = static_cast<uint64_t>(ideal);
  return whole == 0 ? 1 : whole;
}

// 2^exponent, for normal results: -1022 <= exponent <= 1023.
PYSAMPLER_HOST_DEVICE double power_of_two(int exponent) {
  const uint64_t bits = static_cast<uint64_t>(exponent + 1023) << 52;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// The exponent of a positive normal double: 2^result <= value < 2^(result + 1).
PYSAMPLER_HOST_DEVICE int exponent_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return static_cast<int>(bits >> 52) - 1023;
}

// Every weight is multiplied by this power of two before use, so that no sum overflows and none of the weights that
// matter is denormal. One of three values, so that ordinary weights are left as they are.
PYSAMPLER_HOST_DEVICE double prescale_for(double largest) {
  if (largest > power_of_two(450)) return power_of_two(-600);
  if (largest < power_of_two(-450)) return power_of_two(600);
  return 1.0;
}

// What a search for the smallest positive weight compares: after prescaling, positive weights that matter are smaller.
PYSAMPLER_HOST_DEVICE double or_large(double weight) { return weight > 0 ? weight : 0x1p1023; }

// The written order of a block's sum: eight lanes run over the groups, lane l taking (w[l] + w[l + 8]); then this tree.
PYSAMPLER_HOST_DEVICE double sum_of_lanes(const double* lane) {
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

// Block sums as integers: the largest lies in [2^61, 2^62).
struct Alignment {
  int exponent;

  PYSAMPLER_HOST_DEVICE uint64_t integer(double block_sum) const {
    // In two steps: one factor alone could leave the range of a double.
    const int half = exponent / 2;
    return static_cast<uint64_t>(block_sum * power_of_two(half) * power_of_two(exponent - half));
  }
};

// Whether sums of which this is the largest can be aligned. False for NaN too. Of weights that are valid, and one of them
// positive, no other sums come, unless they were replaced while they were read.
PYSAMPLER_HOST_DEVICE bool can_align_to(double largest_block_sum) {
  return largest_block_sum >= power_of_two(-1000) && largest_block_sum <= power_of_two(1000);
}

PYSAMPLER_HOST_DEVICE Alignment align_to(double largest_block_sum) { return {61 - exponent_of(largest_block_sum)}; }

// An unsigned 96-bit sum; __int128 is not available on every device.
struct WideSum {
  uint64_t low;
  uint64_t high;
};

PYSAMPLER_HOST_DEVICE WideSum add(WideSum a, uint64_t b) {
  const uint64_t low = a.low + b;
  return {low, a.high + (low < b)};
}

PYSAMPLER_HOST_DEVICE WideSum add(WideSum a, WideSum b) {
  const WideSum sum = add(a, b.low);
  return {sum.low, sum.high + b.high};
}

PYSAMPLER_HOST_DEVICE uint64_t shift_right(WideSum a, int bits) {
  return bits == 0 ? a.low : a.low >> bits | a.high << (64 - bits);
}

// floor(a * b / c) for a <= c < 2^63, so that the quotient is at most b.
PYSAMPLER_HOST_DEVICE uint64_t multiply_divide(uint64_t a, uint64_t b, uint64_t c) {
#if defined(__SIZEOF_INT128__)
  __extension__ typedef unsigned __int128 Uint128;
  return static_cast<uint64_t>(static_cast<Uint128>(a) * b / c);
#else
  // Long division by bits: the remainder stays below c < 2^63, so that doubling it cannot overflow.
  uint64_t quotient = 0, remainder = 0;
  if (a == c) return b;
  for (int bit = 63; bit >= 0; --bit) {
    quotient <<= 1;
    remainder <<= 1;
    if (remainder >= c) { remainder -= c; quotient |= 1; }
    if (b >> bit & 1) {
      remainder += a;
      if (remainder >= c) { remainder -= c; quotient += 1; }
    }
  }
  return quotient;
#endif
}

// How `mass` units are shared out among blocks with a given total of aligned sums.
struct Quotas {
  uint64_t mass;
  uint64_t total;  // of the aligned sums, shifted to below 2^63
  int shift;
  double scale;  // ideal mass of a weight of 1

  // Units of the blocks before the point where the aligned sums, shifted, add up to `cumulative`.
  PYSAMPLER_HOST_DEVICE uint64_t units_before(uint64_t cumulative) const {
    return multiply_divide(cumulative, mass, total);
  }
  PYSAMPLER_HOST_DEVICE uint64_t units_before(WideSum cumulative) const {
    return units_before(shift_right(cumulative, shift));
  }
};

PYSAMPLER_HOST_DEVICE Quotas share_out(uint64_t mass, WideSum total, Alignment alignment) {
  int shift = 0;
  while (total.high >> shift != 0 || shift_right(total, shift) >> 63 != 0) ++shift;
  const uint64_t shifted = shift_right(total, shift);
  const int exponent = alignment.exponent - shift;
  const double ratio = static_cast<double>(mass) / static_cast<double>(shifted);
  const int half = exponent / 2;
  return {mass, shifted, shift, ratio * power_of_two(half) * power_of_two(exponent - half)};
}

// How weights become masses. Ideal mass of a weight w: (w * prescale) * scale.
struct MassRule {
  double prescale;
  double small_scale;  // decides what is small, and the mass of what is
  double scale;        // for all the others
  bool any_small;

  // Of prescaled weights, 0 where there is no item.
  PYSAMPLER_HOST_DEVICE bool is_small(double weight) const { return weight * small_scale < kSmallMass; }
  PYSAMPLER_HOST_DEVICE uint64_t mass_if_large(double weight) const { return static_cast<uint64_t>(weight * scale); }
  // Of a weight that was positive before it was prescaled.
  PYSAMPLER_HOST_DEVICE uint64_t mass_if_small(double weight) const { return small_mass(weight * small_scale); }
};

// The rule before small items are set apart. With a prescale below 1 the smallest weight may have been flushed to zero,
// and not have been seen.
PYSAMPLER_HOST_DEVICE MassRule mass_rule(double prescale, double smallest_positive, const Quotas& quotas) {
  return {prescale, quotas.scale, quotas.scale, smallest_positive * quotas.scale < kSmallMass || prescale < 1.0};
}

// How many units a block's items may be off before its quota evens it out, beyond one for each: the rounding of quotas
// (at most 9) and of a sum of 1024 doubles. More means that the weights changed while they were read.
PYSAMPLER_HOST_DEVICE uint64_t rounding_allowance(uint64_t quota) { return 16 + (quota >> 40); }

// Whether items whose masses add up to `sum` can be evened out to the quota.
PYSAMPLER_HOST_DEVICE bool can_even_out(uint64_t sum, uint64_t quota) {
  const uint64_t allowance = rounding_allowance(quota);
  return sum > quota ? sum - quota <= allowance : quota - sum <= allowance + kBlockItems;
}

// Whether the largest mass of a block can take what is left of the difference after one unit for each.
PYSAMPLER_HOST_DEVICE bool can_take_the_rest(uint64_t largest_mass, uint64_t sum, uint64_t quota) {
  return sum > quota ? largest_mass > sum - quota : quota - sum <= rounding_allowance(quota);
}

// Sums of the upper and of the lower 32 bits of a block's masses. A sum beyond 64 bits comes of weights that were
// replaced since they were summed; it must not pass for a small one.
PYSAMPLER_HOST_DEVICE bool fits_64_bits(uint64_t upper, uint64_t lower) { return (upper + (lower >> 32)) >> 32 == 0; }

// Lights have mass below a slot's, heavies at least a slot's. A light fills its own slot up with the current heavy; a
// heavy that falls below a slot's mass closes: it becomes a light of the next heavy.
PYSAMPLER_HOST_DEVICE AliasEntry closed_heavy(uint64_t excess_before_and_own, uint64_t deficit_filled, uint32_t next) {
  return {static_cast<uint32_t>(kSlotMass - (deficit_filled - excess_before_and_own)), next};
}

}  // namespace pysampler
