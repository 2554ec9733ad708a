#include "cpu/softmax/softmax.h"

#include <limits>

#include "core/softmax.h"
#include "cpu/runtime/float_environment.h"

namespace pysampler {
namespace {

struct SoftmaxKernels {
  void (*row_float32)(const float* logits, uint64_t count, double* weights);
  void (*row_float64)(const double* logits, uint64_t count, double* weights);
};

}  // namespace
}  // namespace pysampler

#define PYSAMPLER_KERNELS "cpu/softmax/softmax_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {

void softmax_weights(const WeightRows& logits, double* weights, const Execution& execution) {
  const StandardFloats standard_floats;
  const SoftmaxKernels& kernels = kernels_for(execution.target);
  const uint64_t columns = logits.columns;
  const uint64_t per_task = columns < 32768 ? 32768 / columns : 1;  // rows
  parallel_ranges(logits.rows, per_task, execution, [&](uint64_t begin, uint64_t end) {
    for (uint64_t row = begin; row < end; ++row) {
      const void* const from = logits.from(row).data;
      if (logits.type == WeightType::kFloat32) {
        kernels.row_float32(static_cast<const float*>(from), columns, weights + row * columns);
      } else {
        kernels.row_float64(static_cast<const double*>(from), columns, weights + row * columns);
      }
    }
  });
}

}  // namespace pysampler
