#include "cpu/classes/class_draw_kernels.h"

#include "cpu/simd/x86_intrinsics.h"

namespace pysampler {

namespace portable {
#include "cpu/simd/lanes_portable.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/draw/block_words.inc"

#include "cpu/classes/class_draw_kernel.inc"
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "cpu/simd/target_begin_avx2.h"
namespace avx2 {
#include "cpu/simd/lanes_avx2.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/draw/block_words.inc"

#include "cpu/classes/class_draw_kernel.inc"
}  // namespace avx2
#include "cpu/simd/target_end.h"

#include "cpu/simd/target_begin_avx512.h"
namespace avx512 {
#include "cpu/simd/lanes_avx512.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/draw/block_words.inc"

#include "cpu/classes/class_draw_kernel.inc"
}  // namespace avx512
#include "cpu/simd/target_end.h"
#endif

const ClassDrawKernels& class_draw_kernels(Target target) {
  static constexpr ClassDrawKernels kPortable = {portable::draw_class_range};
#if PYSAMPLER_X86_KERNELS
  static constexpr ClassDrawKernels kAvx2 = {avx2::draw_class_range};
  static constexpr ClassDrawKernels kAvx512 = {avx512::draw_class_range};
  if (target == Target::kAvx512) return kAvx512;
  if (target == Target::kAvx2) return kAvx2;
#endif
  return kPortable;
}

}  // namespace pysampler
