#include "cpu/permutation/permuted_same.h"

#define PYSAMPLER_KERNELS "cpu/permutation/permuted_same_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

void permuted_same(const Permutation& permutation, uint64_t* elements, uint64_t count, Target target) {
  constexpr uint64_t kFew = 4;  // take less time one by one
  if (permutation.rounds != 0 && count > kFew) return kernels_for(target)(permutation, elements, count);
  for (uint64_t i = 0; i < count; ++i) elements[i] = permute(permutation, elements[i]);
}

}  // namespace pysampler
