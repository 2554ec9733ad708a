// Prefix sums of masses with a guide into them: which entry does a unit of mass belong to?
#pragma once

#include <cstdint>

#include "core/systematic.h"
#include "cpu/runtime/memory.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// 12 bytes an entry, immutable.
class IndexedMasses {
 public:
  IndexedMasses() = default;
  // Entry i gets masses[i], or masses[order[i]] if there is an order. The sum must be in [1, 2^64).
  IndexedMasses(const uint64_t* masses, const uint32_t* order, uint64_t entries, const Execution& execution);

  uint64_t entries() const { return entries_; }
  uint64_t total() const { return begins()[entries_]; }
  const uint64_t* begins() const { return begins_.as<uint64_t>(); }
  MassIndex index() const { return {begins(), guide_.as<uint32_t>(), shift_}; }
  uint64_t bytes() const { return begins_.bytes() + guide_.bytes(); }

 private:
  uint64_t bucket_count() const { return ((total() - 1) >> shift_) + 1; }
  // Writes the guide of the buckets whose first unit lies in the entries [first, end).
  void guide_range(uint64_t first, uint64_t end);

  uint64_t entries_ = 0;
  LargeBuffer begins_, guide_;
  int shift_ = 0;
};

}  // namespace pysampler
