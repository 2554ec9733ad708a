#include "cuda/kernels.h"

#include "cuda/coverage/mark.h"
#include "cuda/draw.h"
#include "cuda/dynamic/dynamic.h"
#include "cuda/launch.cuh"
#include "cuda/rows/rows.h"
#include "cuda/table/build.h"

namespace pysampler::cuda {

Status load_kernels(int device) {
  const RelaxedCapture relaxed;
  Status status = use_device(device);
  if (status == kSuccess) status = load_draw_kernels();
  if (status == kSuccess) status = load_build_kernels();
  if (status == kSuccess) status = load_mark_kernels();
  if (status == kSuccess) status = load_row_kernels();
  if (status == kSuccess) status = load_dynamic_kernels();
  return status;
}

}  // namespace pysampler::cuda
