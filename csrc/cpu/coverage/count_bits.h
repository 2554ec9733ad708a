// How many items have come.
#pragma once

#include <cstdint>

#include "cpu/runtime/parallel.h"

namespace pysampler {

// Bits set in `bitmap`, or in the union of `bitmap` and `other` unless that is null. Both have `words` words.
uint64_t count_bits(const uint64_t* bitmap, const uint64_t* other, uint64_t words, const Execution& execution);

}  // namespace pysampler
