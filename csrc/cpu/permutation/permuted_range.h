// Stretches of a keyed permutation on the CPU.
#pragma once

#include <cstdint>

#include "core/permutation.h"
#include "cpu/simd/target.h"

namespace pysampler {

// out[i] = where the permutation puts element start + i * step, for i in [0, count). All elements lie in the
// permutation. The same for every target.
void permuted_range(const Permutation& permutation, uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                    Target target);

}  // namespace pysampler
