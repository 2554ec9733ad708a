#include "cuda/dynamic/dynamic.h"

#include "cuda/stream_queue.cuh"

namespace pysampler::cuda {
namespace {

constexpr uint64_t kAlignment = 16;

uint64_t aligned(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

uint64_t places_bytes(uint64_t count) { return aligned(count * sizeof(uint32_t)); }

uint64_t copies_bytes(uint64_t count, WeightType type) {
  return aligned(count * (type == WeightType::kFloat64 ? sizeof(double) : sizeof(float)));
}

template <class Index>
Status launch_draw(const DrawPacked<Index>& body, StreamState* state, Place place) {
  uint32_t held = 0;
  StreamQueue queue = {place, multiprocessors(place.device, &held)};
  queue.body(body, grid_for(body.count, DrawPacked<Index>::kThreads, held));
  if (state != nullptr) queue.body(AdvanceBody{state, body.count * body.step}, advance_grid());
  return queue.status;
}

template <class Weight>
void load_for(LoadingQueue& queue) {
  UpdateJob job = {};
  job.count = 1;
  queue_update<Weight>(job, 1, queue);
  queue.body(MassesUnderScale<Weight>{}, Grid{});
}

}  // namespace

uint64_t update_scratch_bytes(uint64_t count, WeightType type) {
  return aligned(sizeof(UpdateState)) + places_bytes(count) + copies_bytes(count, type);
}

Status update(UpdateJob job, WeightType type, void* scratch, Place place, UpdateState* outcome) {
  auto* const bytes = static_cast<unsigned char*>(scratch);
  job.state = reinterpret_cast<UpdateState*>(bytes);
  job.places = reinterpret_cast<uint32_t*>(bytes + aligned(sizeof(UpdateState)));
  job.copies = bytes + aligned(sizeof(UpdateState)) + places_bytes(job.count);
  const auto stream = static_cast<cudaStream_t>(place.stream);
  uint32_t held = 0;
  StreamQueue queue = {place, multiprocessors(place.device, &held)};
  if (queue.status == kSuccess) queue.status = cudaMemsetAsync(job.state, 0, sizeof *job.state, stream);
  if (type == WeightType::kFloat32) {
    queue_update<float>(job, held, queue);
  } else {
    queue_update<double>(job, held, queue);
  }
  if (queue.status != kSuccess) return queue.status;
  const Status status = cudaMemcpyAsync(outcome, job.state, sizeof *outcome, cudaMemcpyDeviceToHost, stream);
  return status == kSuccess ? cudaStreamSynchronize(stream) : status;
}

Status draw(const DrawPacked<int64_t>& body, StreamState* state, Place place) { return launch_draw(body, state, place); }
Status draw(const DrawPacked<int32_t>& body, StreamState* state, Place place) { return launch_draw(body, state, place); }

Status masses(const uint64_t* words, const void* weights, WeightType type, uint64_t count, uint64_t* masses,
              Place place) {
  uint32_t held = 0;
  StreamQueue queue = {place, multiprocessors(place.device, &held)};
  const Grid grid = grid_for(count, MassesUnderScale<float>::kThreads, held);
  if (type == WeightType::kFloat32) {
    queue.body(MassesUnderScale<float>{words, static_cast<const float*>(weights), count, masses}, grid);
  } else {
    queue.body(MassesUnderScale<double>{words, static_cast<const double*>(weights), count, masses}, grid);
  }
  return queue.status;
}

Status load_dynamic_kernels() {
  LoadingQueue queue = {kSuccess};
  load_for<float>(queue);
  load_for<double>(queue);
  queue.body(DrawPacked<int64_t>{}, Grid{});
  queue.body(DrawPacked<int32_t>{}, Grid{});
  return queue.status;
}

}  // namespace pysampler::cuda
