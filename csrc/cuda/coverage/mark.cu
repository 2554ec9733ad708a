#include "cuda/coverage/mark.h"

#include "cuda/launch.cuh"

namespace pysampler::cuda {
namespace {

// Copies one value to the host and waits for it.
template <class T>
Status read_back(const T* from, Place place, T* to) {
  const auto stream = static_cast<cudaStream_t>(place.stream);
  const Status status = cudaMemcpyAsync(to, from, sizeof(T), cudaMemcpyDeviceToHost, stream);
  return status == kSuccess ? cudaStreamSynchronize(stream) : status;
}

template <class Index>
Status mark_as(const MarkJob<Index>& job, Place place, Wrong* wrong) {
  wrong->reset();
  if (job.count == 0) return kSuccess;
  uint32_t count = 0;
  Status status = multiprocessors(place.device, &count);
  const Grid grid = mark_grid(job.count, count);
  if (status == kSuccess) {
    status = cudaMemsetAsync(job.state, 0xFF, sizeof *job.state, static_cast<cudaStream_t>(place.stream));
  }
  if (status == kSuccess) status = launch(CheckIndices<Index>{job}, grid, place);
  if (status == kSuccess) status = launch(MarkIndices<Index>{job}, grid, place);
  MarkState state = {UINT64_MAX, UINT64_MAX};
  if (status == kSuccess) status = read_back(job.state, place, &state);
  if (status != kSuccess) return status;
  const uint64_t first = state.first_wrong != UINT64_MAX ? state.first_wrong : state.first_changed;
  if (first == UINT64_MAX) return kSuccess;
  Index index = 0;
  status = read_back(job.indices + first, place, &index);
  *wrong = IndexOutOfRange{first, index, state.first_wrong == UINT64_MAX || job.in_range(index)};
  return status;
}

}  // namespace

Status mark(const MarkJob<int64_t>& job, Place place, Wrong* wrong) { return mark_as(job, place, wrong); }
Status mark(const MarkJob<int32_t>& job, Place place, Wrong* wrong) { return mark_as(job, place, wrong); }

Status count_bits(const uint64_t* bitmap, const uint64_t* other, uint64_t words, uint64_t* scratch, Place place,
                  uint64_t* count) {
  uint32_t held = 0;
  Status status = multiprocessors(place.device, &held);
  const Grid grid = count_bits_grid(words, held);
  if (status == kSuccess) {
    status = cudaMemsetAsync(scratch, 0, sizeof *scratch, static_cast<cudaStream_t>(place.stream));
  }
  const CountBits body = {bitmap, other, words, scratch, grid};
  if (status == kSuccess) status = launch_team(body, grid.blocks, place);
  return status == kSuccess ? read_back(scratch, place, count) : status;
}

Status load_mark_kernels() {
  Status status = load_kernel<CheckIndices<int64_t>>();
  if (status == kSuccess) status = load_kernel<CheckIndices<int32_t>>();
  if (status == kSuccess) status = load_kernel<MarkIndices<int64_t>>();
  if (status == kSuccess) status = load_kernel<MarkIndices<int32_t>>();
  if (status == kSuccess) status = load_team_kernel<CountBits>();
  return status;
}

}  // namespace pysampler::cuda
