// Elements from anywhere, all of the same keyed permutation, on the CPU.
#pragma once

#include <cstdint>

#include "core/permutation.h"
#include "cpu/simd/target.h"

namespace pysampler {

// elements[i] = where the permutation puts elements[i], for i in [0, count). The same for every target. Half the time of
// permuted_each, whose lanes have keys of their own.
void permuted_same(const Permutation& permutation, uint64_t* elements, uint64_t count, Target target);

}  // namespace pysampler
