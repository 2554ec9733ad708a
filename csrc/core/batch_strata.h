// Strata: how the points of an epoch are dealt out to batches so that every batch is a small copy of the whole.
//
// With global batch size B the k points, in the order of mass, are cut into B strata of neighbours, and a full batch takes
// one point of each, at the same place r of all. If B divides k the batch is then itself a lattice of equidistant points,
// so of every class (an interval of mass) it holds the floor or the ceil of its share. If it does not, k mod B of the strata
// are longer by one; their point number `spare` is left to the last, shorter batch, for which these strata are as evenly
// spread as can be. A point then lies off its lattice by less than the distance of two points of the epoch, so a full
// batch deviates from a class's share by less than 1 + B/k, the last one by less than 2. Which strata are long (`turn`) and
// which point they spare changes from epoch to epoch, so that the last batch is nobody's fixed place.
#pragma once

#include <cstdint>

#include "core/macros.h"
#include "core/multiply_high.h"
#include "core/systematic.h"

namespace pysampler {

struct BatchStrata {
  uint64_t batch;    // B <= kMaxBatch
  uint64_t batches;  // full ones: floor(k / B) >= 1
  uint64_t rest;     // k mod B: size of the last batch, number of long strata
  uint64_t turn;     // in [0, B)
  uint64_t spare;    // in [0, batches]

  // The first point of stratum t <= B; first_point(B) = k.
  PYSAMPLER_HOST_DEVICE uint64_t first_point(uint64_t stratum) const {
    return stratum * batches + (stratum * rest + turn) / batch;
  }
  PYSAMPLER_HOST_DEVICE bool is_long(uint64_t stratum) const {
    return (stratum * rest + turn) % batch + rest >= batch;
  }
  // The i-th long stratum, i < rest.
  PYSAMPLER_HOST_DEVICE uint64_t long_stratum(uint64_t i) const { return ((i + 1) * batch - turn - 1) / rest; }

  // Which point of its stratum a full batch at place r < batches takes.
  PYSAMPLER_HOST_DEVICE uint64_t skip_spare(uint64_t r, bool is_long) const { return r + (is_long && r >= spare); }
};

// 1 <= batch <= draws.
PYSAMPLER_HOST_DEVICE BatchStrata make_batch_strata(uint64_t seed, uint64_t epoch, uint64_t draws, uint64_t batch) {
  const uint64_t batches = draws / batch;
  return {batch, batches, draws % batch, multiply_high(offset_word(seed, epoch, OffsetWord::kTurn), batch),
          multiply_high(offset_word(seed, epoch, OffsetWord::kSpare), batches + 1)};
}

// Which of the stream's permutations is for what. All under tag kPermutation, of the epoch.
PYSAMPLER_HOST_DEVICE uint64_t order_permutation() { return 0; }  // of the points; with batches, of the places
PYSAMPLER_HOST_DEVICE uint64_t batch_permutation(uint64_t batch) { return 2 * batch + 2; }      // inside a batch
PYSAMPLER_HOST_DEVICE uint64_t class_permutation(uint64_t label) { return 2 * label + 1; }      // inside a class

}  // namespace pysampler
