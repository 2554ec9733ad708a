#include "cpu/dynamic/tree_kernels.h"

#include <cstring>

#include "cpu/simd/x86_intrinsics.h"

namespace pysampler {

namespace {

// The topmost node is that of all: its children's differences are summed first. Compiled for no instruction set of its
// own: nothing is gained, and AddressSanitizer of GCC 12 misaligns arrays that AVX-512 code has on the stack.
__attribute__((noinline)) void add_to_top(uint64_t* node, int bits, const uint32_t* places, const uint64_t* differences, uint64_t count) {
  uint64_t sums[2][kChildren] = {};
  for (uint64_t i = 0; i < count; ++i) sums[i % 2][places[i] >> bits] += differences[i];
  uint64_t sum = 0;
  for (uint64_t child = 0; child + 1 < kChildren; ++child) {
    sum += sums[0][child] + sums[1][child];
    node[child + 1] += sum;
  }
}

}  // namespace

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
