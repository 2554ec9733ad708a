#include "build_kernels.h"

#include "x86_intrinsics.h"

namespace pysampler {

namespace portable {
#include "build_split_portable.h"

#include "build_kernel.inc"
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "target_begin_avx2.h"
namespace avx2 {
#include "build_split_portable.h"

#include "build_kernel.inc"
}  // namespace avx2
#include "target_end.h"

#include "target_begin_avx512.h"
namespace avx512 {
#include "build_split_avx512.h"

#include "build_kernel.inc"
}  // namespace avx512
#include "target_end.h"
#endif

const BuildKernels& build_kernels(Target target) {
  static constexpr BuildKernels kPortable = {portable::sum_blocks, portable::sum_large, portable::pack_blocks};
#if PYSAMPLER_X86_KERNELS
  static constexpr BuildKernels kAvx2 = {avx2::sum_blocks, avx2::sum_large, avx2::pack_blocks};
  static constexpr BuildKernels kAvx512 = {avx512::sum_blocks, avx512::sum_large, avx512::pack_blocks};
  if (target == Target::kAvx512) return kAvx512;
  if (target == Target::kAvx2) return kAvx2;
#endif
  return kPortable;
}

}  // namespace pysampler
