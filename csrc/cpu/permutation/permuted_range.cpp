#include "cpu/permutation/permuted_range.h"

#include "cpu/simd/x86_intrinsics.h"

namespace pysampler {

namespace portable {
#include "cpu/permutation/permuted_range_kernel.inc"
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "cpu/simd/target_begin_avx2.h"
namespace avx2 {
#include "cpu/permutation/permuted_range_kernel.inc"
}  // namespace avx2
#include "cpu/simd/target_end.h"

#include "cpu/simd/target_begin_avx512.h"
namespace avx512 {
#include "cpu/permutation/permuted_range_kernel.inc"
}  // namespace avx512
#include "cpu/simd/target_end.h"
#endif

namespace {

using Blocks = void (*)(const Permutation&, uint64_t, uint64_t, uint64_t, int64_t*);

Blocks blocks_for(Target target) {
#if PYSAMPLER_X86_KERNELS
  if (target == Target::kAvx512) return avx512::permuted_blocks;
  if (target == Target::kAvx2) return avx2::permuted_blocks;
#endif
  (void)target;
  return portable::permuted_blocks;
}

}  // namespace

void permuted_range(const Permutation& permutation, uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                    Target target) {
  uint64_t done = 0;
  if (permutation.rounds != 0) {
    done = count - count % portable::kLanes;
    blocks_for(target)(permutation, start, step, done, out);
  }
  for (; done < count; ++done) out[done] = static_cast<int64_t>(permute(permutation, start + done * step));
}

}  // namespace pysampler
