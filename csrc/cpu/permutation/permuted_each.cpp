#include "cpu/permutation/permuted_each.h"

#define PYSAMPLER_KERNELS "cpu/permutation/permuted_each_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

void permuted_each(const Permutation* const* permutations, uint64_t* elements, uint64_t count, Target target) {
  kernels_for(target)(permutations, elements, count);
}

}  // namespace pysampler
