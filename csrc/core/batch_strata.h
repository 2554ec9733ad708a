// Strata: how the points of an epoch are dealt out to batches so that every batch is a small copy of the whole.
//
// With global batch size B the k points, in the order of mass, are cut into B strata of neighbours, and a full batch
// takes one point of each, at the same place r of all. If B divides k the batch is then itself a lattice of equidistant
// points, so of every class (an interval of mass) it holds the floor or the ceil of its share.
//
// If B does not divide k, k mod B of the strata are longer by one; their point number `spare` is left to the last,
// shorter batch, for which these strata are as evenly spread as can be. A point then lies off its batch's lattice by
// less than the distance of two points of the epoch, so a full batch deviates from a class's share by less than
// 1 + B/k, the last one by less than 2. The strata then begin at a random point, with a random phase, and run around
// the end of the mass: every point is as likely as any other to be left to the last batch.
#pragma once

#include <cstdint>

#include "core/macros.h"
#include "core/multiply_high.h"
#include "core/systematic.h"

namespace pysampler {

struct BatchStrata {
  uint64_t draws;    // k
  uint64_t batch;    // B <= kMaxBatch
  uint64_t batches;  // full ones: floor(k / B) >= 1
  uint64_t rest;     // k mod B: size of the last batch, number of long strata
  uint64_t shift;    // where stratum 0 begins: less than a stratum's length
  uint64_t phase;    // in [0, B): how soon the first long stratum comes
  uint64_t spare;    // in [0, batches]

  // Where stratum t <= B begins: floor((t * k + shift * B + phase) / B). The last one ends beyond k unless shift is 0.
  PYSAMPLER_HOST_DEVICE uint64_t begin(uint64_t stratum) const {
    return shift + stratum * batches + (stratum * rest + phase) / batch;
  }
  PYSAMPLER_HOST_DEVICE bool is_long(uint64_t stratum) const {
    return (stratum * rest + phase) % batch + rest >= batch;
  }
  // The i-th long stratum, i < rest.
  PYSAMPLER_HOST_DEVICE uint64_t long_stratum(uint64_t i) const { return ((i + 1) * batch - phase - 1) / rest; }

  // The point of a stratum that begins at `begin` for a full batch at place r < batches,
  PYSAMPLER_HOST_DEVICE uint64_t point_at(uint64_t begin, bool is_long, uint64_t r) const {
    return around(begin + r + (is_long && r >= spare));
  }
  // and for the last batch.
  PYSAMPLER_HOST_DEVICE uint64_t spare_point(uint64_t begin) const { return around(begin + spare); }

 private:
  PYSAMPLER_HOST_DEVICE uint64_t around(uint64_t point) const { return point < draws ? point : point - draws; }
};

// 1 <= batch <= draws.
PYSAMPLER_HOST_DEVICE BatchStrata make_batch_strata(uint64_t seed, uint64_t epoch, uint64_t draws, uint64_t batch) {
  const uint64_t batches = draws / batch, rest = draws % batch;
  // Strata that fit exactly stay where they are: they often end where a class does.
  const uint64_t turn = rest == 0 ? 0 : multiply_high(offset_word(seed, epoch, OffsetWord::kTurn), draws);
  return {draws, batch, batches, rest, turn / batch, turn % batch,
          multiply_high(offset_word(seed, epoch, OffsetWord::kSpare), batches + 1)};
}

// Which of the stream's permutations is for what. All under tag kPermutation, of the epoch.
PYSAMPLER_HOST_DEVICE uint64_t order_permutation() { return 0; }  // of the points; with batches, of the places
PYSAMPLER_HOST_DEVICE uint64_t batch_permutation(uint64_t batch) { return 2 * batch + 2; }      // inside a batch
PYSAMPLER_HOST_DEVICE uint64_t class_permutation(uint64_t label) { return 2 * label + 1; }      // inside a class

}  // namespace pysampler
