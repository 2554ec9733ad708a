#include "cpu/permutation/permuted_each.h"

namespace pysampler {
namespace {

struct EachKernels {
  using Kernel = void (*)(const Permutation* const* permutations, uint64_t* elements, uint64_t count);
  Kernel forward, back;
};

}  // namespace
}  // namespace pysampler

#define PYSAMPLER_KERNELS "cpu/permutation/permuted_each_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

void permuted_each(const Permutation* const* permutations, uint64_t* elements, uint64_t count, Target target) {
  kernels_for(target).forward(permutations, elements, count);
}

void elements_at_each(const Permutation* const* permutations, uint64_t* images, uint64_t count, Target target) {
  kernels_for(target).back(permutations, images, count);
}

}  // namespace pysampler
