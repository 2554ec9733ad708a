// Elements of many keyed permutations at once, on the CPU.
#pragma once

#include <cstdint>

#include "core/permutation.h"
#include "cpu/simd/target.h"

namespace pysampler {

// elements[i] = where permutations[i] puts elements[i], for i in [0, count); unchanged where there is none (null).
// The same for every target.
void permuted_each(const Permutation* const* permutations, uint64_t* elements, uint64_t count, Target target);

// images[i] = the element that permutations[i] puts at images[i].
void elements_at_each(const Permutation* const* permutations, uint64_t* images, uint64_t count, Target target);

}  // namespace pysampler
