#include "cpu/table/build_kernels.h"

#include <cstring>

#include "cpu/simd/vectors.h"
#include "cpu/simd/x86_intrinsics.h"

namespace pysampler {

namespace portable {
#include "cpu/table/build_split_portable.h"

#include "cpu/table/build_kernel.inc"
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "cpu/simd/target_begin_avx2.h"
namespace avx2 {
#include "cpu/table/build_split_portable.h"

#include "cpu/table/build_kernel.inc"
}  // namespace avx2
#include "cpu/simd/target_end.h"

#include "cpu/simd/target_begin_avx512.h"
namespace avx512 {
#include "cpu/table/build_split_avx512.h"

#include "cpu/table/build_kernel.inc"
}  // namespace avx512
#include "cpu/simd/target_end.h"
#endif

const BuildKernels& build_kernels(Target target) {
  static constexpr BuildKernels kPortable = {portable::sum_blocks, portable::sum_large, portable::pack_blocks,
                                       portable::masses_of_block};
#if PYSAMPLER_X86_KERNELS
  static constexpr BuildKernels kAvx2 = {avx2::sum_blocks, avx2::sum_large, avx2::pack_blocks,
                                       avx2::masses_of_block};
  static constexpr BuildKernels kAvx512 = {avx512::sum_blocks, avx512::sum_large, avx512::pack_blocks,
                                       avx512::masses_of_block};
  if (target == Target::kAvx512) return kAvx512;
  if (target == Target::kAvx2) return kAvx2;
#endif
  return kPortable;
}

}  // namespace pysampler
