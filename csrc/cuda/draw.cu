#include "cuda/draw.h"

#include "cuda/launch.cuh"

namespace pysampler::cuda {
namespace {

template <class Index>
Status launch_draw(const DrawBody<Index>& body, Place place) {
  uint32_t count = 0;
  const Status status = multiprocessors(place.device, &count);
  return status == kSuccess ? launch(body, draw_grid(body.count, count), place) : status;
}

}  // namespace

Status draw(const DrawBody<int64_t>& body, Place place) { return launch_draw(body, place); }
Status draw(const DrawBody<int32_t>& body, Place place) { return launch_draw(body, place); }
Status advance(const AdvanceBody& body, Place place) { return launch(body, advance_grid(), place); }

Status load_draw_kernels() {
  Status status = load_kernel<DrawBody<int64_t>>();
  if (status == kSuccess) status = load_kernel<DrawBody<int32_t>>();
  if (status == kSuccess) status = load_kernel<AdvanceBody>();
  return status;
}

}  // namespace pysampler::cuda
