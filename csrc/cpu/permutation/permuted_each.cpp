#include "cpu/permutation/permuted_each.h"

#include "cpu/simd/x86_intrinsics.h"

namespace pysampler {
namespace {

// For lanes that nothing happens in: a grid of one point and no rounds.
constexpr Permutation kIdlePermutation = {1, 1, 1, ~uint64_t{0}, 0, 0, {}, {}};

}  // namespace

namespace portable {
#include "cpu/permutation/permuted_each_kernel.inc"
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "cpu/simd/target_begin_avx2.h"
namespace avx2 {
#include "cpu/permutation/permuted_each_kernel.inc"
}  // namespace avx2
#include "cpu/simd/target_end.h"

#include "cpu/simd/target_begin_avx512.h"
namespace avx512 {
#include "cpu/permutation/permuted_each_kernel.inc"
}  // namespace avx512
#include "cpu/simd/target_end.h"
#endif

void permuted_each(const Permutation* const* permutations, uint64_t* elements, uint64_t count, Target target) {
#if PYSAMPLER_X86_KERNELS
  if (target == Target::kAvx512) return avx512::permuted_each_range(permutations, elements, count);
  if (target == Target::kAvx2) return avx2::permuted_each_range(permutations, elements, count);
#endif
  (void)target;
  portable::permuted_each_range(permutations, elements, count);
}

}  // namespace pysampler
