#include "cpu/permutation/keyed_permutation.h"

#include "cpu/simd/x86_intrinsics.h"

namespace pysampler {
namespace {

constexpr uint64_t kGroupWords = 16;
static_assert(kPermutationWords % kGroupWords == 0, "the words of a permutation begin with a group");

}  // namespace

namespace portable {
#include "cpu/simd/lanes_portable.h"
#include "cpu/simd/philox_lanes.inc"
}  // namespace portable

#if PYSAMPLER_X86_KERNELS
#include "cpu/simd/target_begin_avx2.h"
namespace avx2 {
#include "cpu/simd/lanes_avx2.h"
#include "cpu/simd/philox_lanes.inc"
}  // namespace avx2
#include "cpu/simd/target_end.h"

#include "cpu/simd/target_begin_avx512.h"
namespace avx512 {
#include "cpu/simd/lanes_avx512.h"
#include "cpu/simd/philox_lanes.inc"
}  // namespace avx512
#include "cpu/simd/target_end.h"
#endif

namespace {

void group_words(Stream stream, uint64_t group, uint64_t groups, uint64_t* words, Target target) {
#if PYSAMPLER_X86_KERNELS
  if (target == Target::kAvx512) return avx512::consecutive_words(stream, group, groups, words);
  if (target == Target::kAvx2) return avx2::consecutive_words(stream, group, groups, words);
#endif
  (void)target;
  portable::consecutive_words(stream, group, groups, words);
}

}  // namespace

Permutation keyed_permutation(Stream stream, uint64_t index, uint64_t elements, Target target) {
  alignas(64) uint64_t words[kPermutationWords + kGroupWords];
  const uint64_t needed = elements <= kMaxShuffled ? elements : kGroupWords;  // the keys lie in the first five blocks
  group_words(stream, index * (kPermutationWords / kGroupWords), (needed - 1) / kGroupWords + 1, words, target);
  const auto block_at = [&](uint64_t block) {
    const uint64_t low = low_half_position(block);
    return PhiloxBlock{words[low], words[low + kHalfDistance]};
  };
  return permutation_from_blocks(block_at, elements);
}

}  // namespace pysampler
