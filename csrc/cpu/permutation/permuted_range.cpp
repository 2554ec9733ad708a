#include "cpu/permutation/permuted_range.h"

#define PYSAMPLER_KERNELS "cpu/permutation/permuted_range_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

void permuted_range(const Permutation& permutation, const Positions& elements, int64_t* out, Target target) {
  constexpr uint64_t kFew = 8;  // take less time one by one
  if (permutation.rounds != 0 && elements.count > kFew) {
    kernels_for(target)(permutation, elements.start, elements.step, elements.count, out);
    return;
  }
  for (uint64_t i = 0; i < elements.count; ++i) out[i] = static_cast<int64_t>(permute(permutation, elements[i]));
}

}  // namespace pysampler
