#include "cpu/dynamic/tree_kernels.h"

#include <cstring>

namespace pysampler {

namespace {

// The topmost node is that of all: its children's differences are summed first. Compiled for no instruction set of its
// own: nothing is gained, and AddressSanitizer of GCC 12 misaligns arrays that AVX-512 code has on the stack.
__attribute__((noinline)) void add_to_top(uint64_t* node, int bits, const uint32_t* places,
                                          const uint64_t* differences, uint64_t count) {
  uint64_t sums[2][kChildren] = {};
  for (uint64_t i = 0; i < count; ++i) sums[i % 2][places[i] >> bits] += differences[i];
  uint64_t sum = 0;
  for (uint64_t child = 0; child + 1 < kChildren; ++child) {
    sum += sums[0][child] + sums[1][child];
    node[child + 1] += sum;
  }
}

}  // namespace

}  // namespace pysampler

#define PYSAMPLER_KERNELS "cpu/dynamic/tree_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

const TreeKernels& tree_kernels(Target target, WeightType type) {
  return kernels_for(target)[type == WeightType::kFloat64];
}

}  // namespace pysampler
