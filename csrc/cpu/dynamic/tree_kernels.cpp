#include "cpu/dynamic/tree_kernels.h"

#include <cstring>

#include "cpu/dynamic/crown.h"

#define PYSAMPLER_KERNELS "cpu/dynamic/tree_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

const TreeKernels& tree_kernels(Target target, WeightType type) {
  return kernels_for(target)[type == WeightType::kFloat64];
}

}  // namespace pysampler
