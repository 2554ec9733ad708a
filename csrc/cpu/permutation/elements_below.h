// How many of a run of images belong to early elements, on the CPU.
#pragma once

#include <cstdint>

#include "core/permutation.h"
#include "cpu/simd/target.h"

namespace pysampler {

// Of the images [first, first + count) of the permutation, how many are those of elements below `bound`. The same for
// every target.
uint64_t elements_below(const Permutation& permutation, uint64_t first, uint64_t count, uint64_t bound, Target target);

}  // namespace pysampler
