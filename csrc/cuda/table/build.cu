#include "cuda/table/build.h"

#include "cuda/stream_queue.cuh"
#include "cuda/table/build_passes.h"

namespace pysampler::cuda {
Status load_build_kernels() {
  LoadingQueue queue = {kSuccess};
  BuildJob job = {};
  job.items = 1;
  queue_passes<float>(job, 1, queue);
  queue_passes<double>(job, 1, queue);
  return queue.status;
}

Status build(WeightView weights, AliasEntry* table, void* scratch, Place place, BuildOutcome* outcome) {
  Scratch memory(scratch);
  const BuildJob job = lay_out(weights.data, weights.count, table, memory);
  uint32_t count = 0;
  StreamQueue queue = {place, multiprocessors(place.device, &count)};
  if (weights.type == WeightType::kFloat32) {
    queue_passes<float>(job, count, queue);
  } else {
    queue_passes<double>(job, count, queue);
  }
  if (queue.status != kSuccess) return queue.status;
  const auto stream = static_cast<cudaStream_t>(place.stream);
  const Status status = cudaMemcpyAsync(outcome, &job.state->outcome, sizeof *outcome, cudaMemcpyDeviceToHost, stream);
  return status == kSuccess ? cudaStreamSynchronize(stream) : status;
}

}  // namespace pysampler::cuda
