// Sorting a bucket of 64-bit records inside the cache.
#pragma once

#include <cstdint>
#include <vector>

#include "record_buckets.h"

namespace pysampler {

// Scratch of one thread: two arrays as large as the largest bucket it has sorted.
class BucketSorter {
 public:
  // Sorts the records of a bucket, which agree in all bits from `key_end` up, by all their bits. Fast if the bits below
  // `key_end` are spread evenly, right in any case. The result is valid until the next call.
  uint64_t* sort(const RecordSpan* begin, const RecordSpan* end, uint64_t count, int key_end);

 private:
  std::vector<uint64_t> a_, b_;
  std::vector<uint32_t> starts_;
};

}  // namespace pysampler
