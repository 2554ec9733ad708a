// Under-sampled epochs and batches with some items of each of some classes, on the CPU: any position on its own.
#pragma once

#include <cstdint>
#include <vector>

#include "core/class_table.h"
#include "core/fingerprint.h"
#include "core/positions.h"
#include "cpu/simd/target.h"

namespace pysampler {

// An epoch shows `quota` items of each class, in random order; the epoch is the round of core/class_rounds.h.
struct UnderSampling {
  ClassItems items;
  std::vector<uint64_t> ends;  // of each class: the sum of the quotas up to it. Zero quotas for classes without items

  // out[i] = what epoch `epoch` shows at positions[i]. Beyond the epoch's end the same items follow in another order. Needs
  // a positive sum of quotas, at most kMaxPermuted.
  void draw(uint64_t seed, uint64_t epoch, const Positions& positions, int64_t* out,
            Target target = active_target()) const;
  // Of the numbers alone, without the items.
  Fingerprint fingerprint() const;
};

// Batches of `per_class` items of each of `classes_per_batch` classes, class after class.
struct MPerClassBatches {
  ClassItems items;
  std::vector<uint32_t> filled;  // the classes that have items
  uint64_t per_class;
  uint64_t classes_per_batch;  // at most filled.size()
  uint64_t batches_per_epoch;

  // out[i] = the item at positions[i] of the epoch's batches laid end to end. Beyond the epoch's end follows what the next
  // one begins with.
  void draw(uint64_t seed, uint64_t epoch, const Positions& positions, int64_t* out) const;
  // Of the numbers alone, without the items.
  Fingerprint fingerprint() const;
};

}  // namespace pysampler
