#include "cpu/multinomial/row_kernels.h"

#include <cstring>

#include "core/alias_build.h"
#include "cpu/multinomial/ways.h"
#include "cpu/simd/vectors.h"

#define PYSAMPLER_KERNELS "cpu/multinomial/row_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

const RowKernels& row_kernels(Target target) { return kernels_for(target); }

}  // namespace pysampler
