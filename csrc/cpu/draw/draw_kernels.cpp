#include "cpu/draw/draw_kernels.h"

#include <cstring>

#define PYSAMPLER_KERNELS "cpu/draw/draw_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

const DrawKernels& draw_kernels(Target target) { return kernels_for(target); }

}  // namespace pysampler
