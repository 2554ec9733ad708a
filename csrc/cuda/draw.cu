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

template <class Index>
Status launch_both(const DrawBody<Index>& body, StreamState* state, Place place) {
  if (body.count <= DrawAndAdvance<Index>::kMostDraws) {
    return launch_team(DrawAndAdvance<Index>{body, state}, 1, place);
  }
  const Status status = launch_draw(body, place);
  return status == kSuccess ? launch(AdvanceBody{state, body.count * body.step}, advance_grid(), place) : status;
}

}  // namespace

Status draw(const DrawBody<int64_t>& body, Place place) { return launch_draw(body, place); }
Status draw(const DrawBody<int32_t>& body, Place place) { return launch_draw(body, place); }
Status draw_and_advance(const DrawBody<int64_t>& body, StreamState* state, Place place) {
  return launch_both(body, state, place);
}
Status draw_and_advance(const DrawBody<int32_t>& body, StreamState* state, Place place) {
  return launch_both(body, state, place);
}

Status load_draw_kernels() {
  Status status = load_kernel<DrawBody<int64_t>>();
  if (status == kSuccess) status = load_kernel<DrawBody<int32_t>>();
  if (status == kSuccess) status = load_kernel<AdvanceBody>();
  if (status == kSuccess) status = load_team_kernel<DrawAndAdvance<int64_t>>();
  if (status == kSuccess) status = load_team_kernel<DrawAndAdvance<int32_t>>();
  return status;
}

}  // namespace pysampler::cuda
