#include "cpu/table/build_kernels.h"

#include <cstring>

#include "cpu/simd/vectors.h"

#define PYSAMPLER_KERNELS "cpu/table/build_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

const BuildKernels& build_kernels(Target target) { return kernels_for(target); }

}  // namespace pysampler
