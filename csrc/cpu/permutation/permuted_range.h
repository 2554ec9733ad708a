// Stretches of a keyed permutation on the CPU.
#pragma once

#include <cstdint>

#include "core/permutation.h"
#include "core/positions.h"
#include "cpu/simd/target.h"

namespace pysampler {

// out[i] = where the permutation puts elements[i]. All elements lie in the permutation. The same for every target.
void permuted_range(const Permutation& permutation, const Positions& elements, int64_t* out, Target target);

}  // namespace pysampler
