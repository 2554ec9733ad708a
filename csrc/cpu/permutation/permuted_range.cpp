#include "cpu/permutation/permuted_range.h"

#define PYSAMPLER_KERNELS "cpu/permutation/permuted_range_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

void permuted_range(const Permutation& permutation, uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                    Target target) {
  uint64_t done = 0;
  if (permutation.rounds != 0) {
    done = count - count % portable::kLanes;
    kernels_for(target)(permutation, start, step, done, out);
  }
  for (; done < count; ++done) out[done] = static_cast<int64_t>(permute(permutation, start + done * step));
}

}  // namespace pysampler
