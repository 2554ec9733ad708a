#include "cpu/permutation/keyed_permutation.h"

#define PYSAMPLER_KERNELS "cpu/permutation/keyed_permutation_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {
namespace {

constexpr uint64_t kGroupWords = 16;
static_assert(kPermutationWords % kGroupWords == 0, "the words of a permutation begin with a group");

}  // namespace

Permutation keyed_permutation(Stream stream, uint64_t index, uint64_t elements, Target target) {
  alignas(64) uint64_t words[kPermutationWords + kGroupWords];
  const uint64_t needed = elements <= kMaxShuffled ? elements : kGroupWords;  // the keys lie in the first five blocks
  kernels_for(target)(stream, index * (kPermutationWords / kGroupWords), (needed - 1) / kGroupWords + 1, words);
  const auto block_at = [&](uint64_t block) {
    const uint64_t low = low_half_position(block);
    return PhiloxBlock{words[low], words[low + kHalfDistance]};
  };
  return permutation_from_blocks(block_at, elements);
}

}  // namespace pysampler
