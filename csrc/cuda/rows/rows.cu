#include "cuda/rows/rows.h"

#include "cuda/stream_queue.cuh"

namespace pysampler::cuda {
namespace {

RowsJob job_of(const RowsOnDevice& matrix) {
  Scratch scratch(matrix.scratch, kRowAlignment);
  return lay_out_rows(matrix.weights, matrix.type, matrix.rows, matrix.columns, matrix.tables, scratch);
}

// Calls work(queue, multiprocessors, Weight{}) for the type of the weights.
template <class Work>
Status queue_on(Place place, WeightType type, Work work) {
  uint32_t count = 0;
  StreamQueue queue = {place, multiprocessors(place.device, &count)};
  if (queue.status != kSuccess) return queue.status;
  type == WeightType::kFloat32 ? work(queue, count, float{}) : work(queue, count, double{});
  return queue.status;
}

template <class Weight>
void load_for(LoadingQueue& queue) {
  RowsJob rows = {};
  rows.rows = 1;
  rows.first.items = 1;
  RowDraws drawn = {};
  drawn.draws = 1;
  for (const RowsWay way : {RowsWay::kShares, RowsWay::kTables}) {
    queue_rows<Weight>(rows, way, 1, queue);
    queue_row_draws<Weight>(rows, way, drawn, 1, queue);
  }
  queue_race_keys<Weight>(rows, {}, nullptr, nullptr, 1, queue);
  queue.team(SoftmaxRows<Weight>{}, 1);
}

}  // namespace

uint64_t rows_scratch_bytes(const RowsOnDevice& matrix) {
  Scratch scratch(nullptr, kRowAlignment);
  lay_out_rows(matrix.weights, matrix.type, matrix.rows, matrix.columns, matrix.tables, scratch);
  return scratch.bytes();
}

Status prepare_rows(const RowsOnDevice& matrix, Place place, RowsOutcome* outcome) {
  const RowsJob rows = job_of(matrix);
  Status status = queue_on(place, matrix.type, [&](StreamQueue& queue, uint32_t count, auto weight) {
    queue_rows<decltype(weight)>(rows, matrix.way, count, queue);
  });
  if (status != kSuccess || outcome == nullptr) return status;
  const auto stream = static_cast<cudaStream_t>(place.stream);
  status = cudaMemcpyAsync(outcome, rows.outcome, sizeof *outcome, cudaMemcpyDeviceToHost, stream);
  return status == kSuccess ? cudaStreamSynchronize(stream) : status;
}

Status draw_rows(const RowsOnDevice& matrix, const RowDraws& drawn, Place place) {
  return queue_on(place, matrix.type, [&](StreamQueue& queue, uint32_t count, auto weight) {
    queue_row_draws<decltype(weight)>(job_of(matrix), matrix.way, drawn, count, queue);
  });
}

Status race_rows(const RowsOnDevice& matrix, Origin origin, const StreamState* state, int64_t* keys, Place place) {
  return queue_on(place, matrix.type, [&](StreamQueue& queue, uint32_t count, auto weight) {
    queue_race_keys<decltype(weight)>(job_of(matrix), origin, state, keys, count, queue);
  });
}

Status softmax_rows(const void* logits, WeightType type, uint64_t rows, uint64_t columns, double* weights, Place place) {
  return queue_on(place, type, [&](StreamQueue& queue, uint32_t, auto logit) {
    using Logit = decltype(logit);
    queue.team(SoftmaxRows<Logit>{static_cast<const Logit*>(logits), columns, weights}, static_cast<uint32_t>(rows));
  });
}

Status advance(StreamState* state, uint64_t by, Place place) {
  return launch(AdvanceBody{state, by}, advance_grid(), place);
}

Status load_row_kernels() {
  LoadingQueue queue = {kSuccess};
  load_for<float>(queue);
  load_for<double>(queue);
  return queue.status;
}

}  // namespace pysampler::cuda
