// Compiles the text that PYSAMPLER_KERNELS names once per instruction set, over its lanes and in a namespace of its own,
// and chooses among what comes out:
//
//   #define PYSAMPLER_KERNELS "cpu/draw/draw_kernel.inc"
//   #include "cpu/simd/for_each_target.h"
//
// The text ends by defining kKernels, of the same type each time; kernels_for(target) is that of `target`. What the text
// needs of csrc/core is included before, outside of any target's region. A further instruction set is a region and a line
// of kernels_for here, and a row of target.cpp. No include guard: a source file includes this once.
#include "core/macros.h"
#include "cpu/simd/intrinsics.h"

namespace pysampler {
namespace {

namespace portable {
#include "cpu/simd/lanes_portable.h"

#include PYSAMPLER_KERNELS
}  // namespace portable

#if PYSAMPLER_SSE2_KERNELS  // every processor of this architecture has it, so no region is needed
namespace sse2 {
#define PYSAMPLER_IN_SSE2 1
#include "cpu/simd/lanes_sse2.h"

#include PYSAMPLER_KERNELS
#undef PYSAMPLER_IN_SSE2
}  // namespace sse2
#endif

#if PYSAMPLER_X86_KERNELS
#include "cpu/simd/target_begin_avx2.h"
namespace avx2 {
#define PYSAMPLER_IN_AVX2 1
#include "cpu/simd/lanes_avx2.h"

#include PYSAMPLER_KERNELS
#undef PYSAMPLER_IN_AVX2
}  // namespace avx2
#include "cpu/simd/target_end.h"

#include "cpu/simd/target_begin_avx512.h"
namespace avx512 {
#define PYSAMPLER_IN_AVX512 1
#include "cpu/simd/lanes_avx512.h"

#include PYSAMPLER_KERNELS
#undef PYSAMPLER_IN_AVX512
}  // namespace avx512
#include "cpu/simd/target_end.h"
#endif

#if PYSAMPLER_NEON_KERNELS  // likewise
namespace neon {
#include "cpu/simd/lanes_neon.h"

#include PYSAMPLER_KERNELS
}  // namespace neon
#endif

inline decltype(portable::kKernels)& kernels_for([[maybe_unused]] Target target) {
#if PYSAMPLER_X86_KERNELS
  if (target == Target::kAvx512) return avx512::kKernels;
  if (target == Target::kAvx2) return avx2::kKernels;
#endif
#if PYSAMPLER_SSE2_KERNELS
  if (target == Target::kSse2) return sse2::kKernels;
#endif
#if PYSAMPLER_NEON_KERNELS
  if (target == Target::kNeon) return neon::kKernels;
#endif
  return portable::kKernels;
}

}  // namespace
}  // namespace pysampler
