#include "cpu/dynamic/tree_kernels.h"

#include <cstring>

#include "cpu/simd/x86_intrinsics.h"

namespace pysampler {

namespace portable {
#include "cpu/simd/lanes_portable.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/draw/block_words.inc"

#include "cpu/dynamic/masses_portable.h"
#include "cpu/dynamic/tree_kernel.inc"
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "cpu/simd/target_begin_avx2.h"
namespace avx2 {
#include "cpu/simd/lanes_avx2.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/draw/block_words.inc"

#include "cpu/dynamic/masses_avx2.h"
#include "cpu/dynamic/tree_kernel.inc"
}  // namespace avx2
#include "cpu/simd/target_end.h"

#include "cpu/simd/target_begin_avx512.h"
namespace avx512 {
#include "cpu/simd/lanes_avx512.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/draw/block_words.inc"

#include "cpu/dynamic/masses_avx512.h"
#include "cpu/dynamic/tree_kernel.inc"
}  // namespace avx512
#include "cpu/simd/target_end.h"
#endif

const TreeKernels& tree_kernels(Target target, WeightType type) {
  const bool wide = type == WeightType::kFloat64;
  static constexpr TreeKernels kPortable[] = {portable::kernels_for<float>(), portable::kernels_for<double>()};
#if PYSAMPLER_X86_KERNELS
  static constexpr TreeKernels kAvx2[] = {avx2::kernels_for<float>(), avx2::kernels_for<double>()};
  static constexpr TreeKernels kAvx512[] = {avx512::kernels_for<float>(), avx512::kernels_for<double>()};
  if (target == Target::kAvx512) return kAvx512[wide];
  if (target == Target::kAvx2) return kAvx2[wide];
#endif
  return kPortable[wide];
}

}  // namespace pysampler
