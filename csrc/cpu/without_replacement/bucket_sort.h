// Sorting a bucket of 64-bit records inside the cache.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/without_replacement/record_buckets.h"

namespace pysampler {

// Scratch of one thread: two arrays as large as the largest bucket it has sorted.
class BucketSorter {
 public:
  // Sorts the `count` records of a bucket, which agree in the bits from `top` up. The bits bottom ... top - 1 should be
  // spread evenly; if they are not, this is slower and still right. The result is valid until the next call.
  uint64_t* sort(const RecordSpan* begin, const RecordSpan* end, uint64_t count, int top, int bottom);

 private:
  std::vector<uint64_t> once_, twice_;
};

}  // namespace pysampler
