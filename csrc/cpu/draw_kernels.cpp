#include "draw_kernels.h"

#include "x86_intrinsics.h"

namespace pysampler {

namespace portable {
#include "lanes_portable.h"
#include "philox_lanes.inc"

#include "draw_kernel.inc"
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "target_begin_avx2.h"
namespace avx2 {
#include "lanes_avx2.h"
#include "philox_lanes.inc"

#include "draw_kernel.inc"
}  // namespace avx2
#include "target_end.h"

#include "target_begin_avx512.h"
namespace avx512 {
#include "lanes_avx512.h"
#include "philox_lanes.inc"

#include "draw_kernel.inc"
}  // namespace avx512
#include "target_end.h"
#endif

const DrawKernels& draw_kernels(Target target) {
  static constexpr DrawKernels kPortable = {portable::draw_range, portable::point_range, portable::resolve_range};
#if PYSAMPLER_X86_KERNELS
  static constexpr DrawKernels kAvx2 = {avx2::draw_range, avx2::point_range, avx2::resolve_range};
  static constexpr DrawKernels kAvx512 = {avx512::draw_range, avx512::point_range, avx512::resolve_range};
  if (target == Target::kAvx512) return kAvx512;
  if (target == Target::kAvx2) return kAvx2;
#endif
  return kPortable;
}

}  // namespace pysampler
