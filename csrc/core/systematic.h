// Systematic draws: an epoch's draws are a lattice of equidistant points over the items' masses, shifted a little
// further every epoch.
//
// With total mass M and k draws, point j of epoch e is floor((j * M + V_e) / k), where V_e = floor(U_e * M / 2^64) and
// U_e = U_0 + e * kGoldenStep modulo 2^64. Of an interval of mass m every epoch takes floor(k * m / M) or
// ceil(k * m / M) points, for the points are M / k apart; and because kGoldenStep / 2^64 is the golden ratio, the
// roundings of successive epochs cancel as well as roundings can. Everything is exact in integers.
#pragma once

#include <cstdint>

#include "core/macros.h"
#include "core/multiply_high.h"
#include "core/stream.h"

namespace pysampler {

constexpr uint64_t kGoldenStep = 0x9E3779B97F4A7C15ull;      // 2^64 / 1.618..., to the nearest odd integer
constexpr uint64_t kMaxSystematicDraws = uint64_t{1} << 54;  // of one epoch
constexpr uint64_t kMaxBatch = uint64_t{1} << 24;            // global batch size

// What the words of tag kSystematicOffset are for. U_0 is that of epoch 0.
enum class OffsetWord : uint64_t { kOffset = 0, kTurn = 1, kSpare = 2 };

PYSAMPLER_HOST_DEVICE uint64_t offset_word(uint64_t seed, uint64_t epoch, OffsetWord purpose) {
  return stream_word(make_stream(seed, epoch, Tag::kSystematicOffset), static_cast<uint64_t>(purpose));
}

// U_e.
PYSAMPLER_HOST_DEVICE uint64_t epoch_offset(uint64_t seed, uint64_t epoch) {
  return offset_word(seed, 0, OffsetWord::kOffset) + epoch * kGoldenStep;
}

// The points of one epoch. A point costs three multiplications and no division: M / k is split into its whole part and
// the fraction `over / draws`, whose multiples are rounded down with a reciprocal and corrected by their remainder.
struct Lattice {
  uint64_t draws;         // k
  uint64_t whole;         // floor(M / k)
  uint64_t over;          // M mod k
  uint64_t reciprocal;    // floor(over * 2^64 / k)
  uint64_t offset_whole;  // floor(V / k)
  uint64_t offset_over;   // V mod k

  // floor((j * M + V) / k) for j < k.
  PYSAMPLER_HOST_DEVICE uint64_t mass_at(uint64_t j) const {
    // The reciprocal is too small by less than 2^-64, so this by at most one; and the offset adds less than one.
    uint64_t carried = multiply_high(j, reciprocal);
    const uint64_t remainder = j * over + offset_over - carried * draws;  // below 3 * draws
    carried += (remainder >= draws) + (remainder >= 2 * draws);
    return j * whole + offset_whole + carried;
  }
};

// 1 <= total, 1 <= draws <= kMaxSystematicDraws.
PYSAMPLER_HOST_DEVICE Lattice make_lattice(uint64_t total, uint64_t draws, uint64_t offset) {
  const uint64_t shift = multiply_high(offset, total);  // V
  Lattice lattice = {draws, total / draws, total % draws, 0, shift / draws, shift % draws};
  uint64_t remainder = lattice.over;
  for (int bit = 63; bit >= 0; --bit) {  // long division by bits, once per epoch
    remainder *= 2;
    if (remainder >= draws) {
      remainder -= draws;
      lattice.reciprocal |= uint64_t{1} << bit;
    }
  }
  return lattice;
}

// Finds the entry that a unit of mass belongs to: the masses before each entry, and where to start looking in them.
struct MassIndex {
  const uint64_t* begins;  // entries + 1: entry i owns the units [begins[i], begins[i + 1])
  const uint32_t* guide;   // buckets + 1: the entry of unit bucket << shift; at the end, that of the last unit
  int shift;

  PYSAMPLER_HOST_DEVICE uint64_t bucket_of(uint64_t unit) const { return unit >> shift; }

  // Needs unit < begins[entries]. Expected constant time for uniform units, at worst a binary search.
  PYSAMPLER_HOST_DEVICE uint64_t find(uint64_t unit) const {
    uint64_t low = guide[bucket_of(unit)];
    // Most are found within three steps, which do not wait for the branch predictor.
    for (int step = 0; step < 3; ++step) low += begins[low + 1] <= unit;
    if (begins[low + 1] > unit) return low;
    uint64_t high = guide[bucket_of(unit) + 1];
    while (low < high) {
      const uint64_t middle = low + (high - low) / 2;
      if (begins[middle + 1] <= unit) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

// A class whose members, places [first, first + size), all have the same mass.
struct EqualMembers {
  uint64_t unit_mass;  // of each; 0 if the class is never drawn
  uint32_t first;
  uint32_t size;

  // The place of the member that owns the unit which lies `into` units into the class.
  PYSAMPLER_HOST_DEVICE uint64_t place_at(uint64_t into) const { return first + into / unit_mass; }
};

}  // namespace pysampler
