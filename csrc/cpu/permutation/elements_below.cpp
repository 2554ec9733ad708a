#include "cpu/permutation/elements_below.h"

#define PYSAMPLER_KERNELS "cpu/permutation/elements_below_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

uint64_t elements_below(const Permutation& permutation, uint64_t first, uint64_t count, uint64_t bound,
                        Target target) {
  constexpr uint64_t kFew = 8;  // take less time one by one
  constexpr uint64_t kMaySwap = 2;
  uint64_t below = 0;
  const bool scrambles = permutation.rounds != 0 && count > kFew;
  for (; count != 0 && (!scrambles || first < kMaySwap); ++first, --count) {
    below += element_at(permutation, first) < bound;
  }
  return count == 0 ? below : below + kernels_for(target)(permutation, first, count, bound);
}

}  // namespace pysampler
