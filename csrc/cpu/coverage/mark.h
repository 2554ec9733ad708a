// Marking indices that somebody holds.
#pragma once

#include <cstdint>

#include "core/marks.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// int64 or int32, only read.
struct IndexView {
  const void* data;
  uint64_t count;
  bool is_int64;

  int64_t operator[](uint64_t i) const {
    return is_int64 ? static_cast<const int64_t*>(data)[i] : static_cast<const int32_t*>(data)[i];
  }
};

// Marks every index, an index that comes twice twice. Throws IndexOutOfRange with the first such index, before anything
// is marked; should another thread put it there meanwhile, some are marked. The result is the same for any number of
// threads: bits and saturating counts do not depend on the order.
//
// Cost: two passes over the indices, and a random read-modify-write each (two with counts).
void mark(const IndexView& indices, const Marks& marks, const Execution& execution);

}  // namespace pysampler
