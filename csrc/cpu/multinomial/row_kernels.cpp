#include "cpu/multinomial/row_kernels.h"

#include <cstring>

#include "core/alias_build.h"
#include "cpu/multinomial/ways.h"
#include "cpu/simd/vectors.h"
#include "cpu/simd/x86_intrinsics.h"

// The inner namespace `rows` keeps these apart from other kernels over the same lanes.
#define PYSAMPLER_ROW_KERNELS {good_rows, draw_narrow_rows, words_from, find_places}

namespace pysampler {

namespace portable {
namespace rows {
#include "cpu/simd/lanes_portable.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/multinomial/row_check_kernel.inc"

#include "cpu/multinomial/narrow_rows_kernel.inc"

#include "cpu/multinomial/few_draws_kernel.inc"
constexpr RowKernels kKernels = PYSAMPLER_ROW_KERNELS;
}  // namespace rows
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "cpu/simd/target_begin_avx2.h"
namespace avx2 {
namespace rows {
#include "cpu/simd/lanes_avx2.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/multinomial/row_check_kernel.inc"

#include "cpu/multinomial/narrow_rows_kernel.inc"

#include "cpu/multinomial/few_draws_kernel.inc"
constexpr RowKernels kKernels = PYSAMPLER_ROW_KERNELS;
}  // namespace rows
}  // namespace avx2
#include "cpu/simd/target_end.h"

#include "cpu/simd/target_begin_avx512.h"
namespace avx512 {
namespace rows {
#include "cpu/simd/lanes_avx512.h"
#include "cpu/simd/philox_lanes.inc"

#include "cpu/multinomial/row_check_kernel.inc"

#include "cpu/multinomial/narrow_rows_kernel.inc"

#include "cpu/multinomial/few_draws_kernel.inc"
constexpr RowKernels kKernels = PYSAMPLER_ROW_KERNELS;
}  // namespace rows
}  // namespace avx512
#include "cpu/simd/target_end.h"
#endif

const RowKernels& row_kernels(Target target) {
#if PYSAMPLER_X86_KERNELS
  if (target == Target::kAvx512) return avx512::rows::kKernels;
  if (target == Target::kAvx2) return avx2::rows::kKernels;
#endif
  (void)target;
  return portable::rows::kKernels;
}

}  // namespace pysampler
