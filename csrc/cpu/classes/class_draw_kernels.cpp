#include "cpu/classes/class_draw_kernels.h"

#include <cstring>

#define PYSAMPLER_KERNELS "cpu/classes/class_draw_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

const ClassDrawKernels& class_draw_kernels(Target target) { return kernels_for(target); }

}  // namespace pysampler
