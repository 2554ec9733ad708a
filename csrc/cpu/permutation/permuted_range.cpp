#include "cpu/permutation/permuted_range.h"

#define PYSAMPLER_KERNELS "cpu/permutation/permuted_range_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

void permuted_range(const Permutation& permutation, const Positions& elements, int64_t* out, Target target) {
  uint64_t done = 0;
  if (permutation.rounds != 0) {
    done = elements.count - elements.count % portable::kLanes;
    kernels_for(target)(permutation, elements.start, elements.step, done, out);
  }
  for (; done < elements.count; ++done) out[done] = static_cast<int64_t>(permute(permutation, elements[done]));
}

}  // namespace pysampler
