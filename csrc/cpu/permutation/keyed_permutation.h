// Permutations made quickly, where every batch needs one of its own.
#pragma once

#include <cstdint>

#include "core/permutation.h"
#include "core/stream.h"
#include "cpu/simd/target.h"

namespace pysampler {

// make_permutation(stream, index, elements), its random words computed side by side.
Permutation keyed_permutation(Stream stream, uint64_t index, uint64_t elements, Target target);

}  // namespace pysampler
