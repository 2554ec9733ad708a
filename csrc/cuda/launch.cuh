// Runs a body (grid.h) on the GPU.
#pragma once

#include <cuda_runtime.h>

#include "cuda/grid.h"
#include "cuda/runtime.h"

namespace pysampler::cuda {

template <class Body>
__global__ void __launch_bounds__(Body::kThreads) run_body(const Body body) {
  body(ThreadAt{blockIdx.x, threadIdx.x, {gridDim.x, blockDim.x}});
}

// Queues the body on the stream, on the current device (see `use_device`). Waits for nothing.
template <class Body>
Status launch(const Body& body, Grid grid, Place place) {
  if (grid.blocks == 0) return kSuccess;
  run_body<Body><<<grid.blocks, grid.threads, 0, static_cast<cudaStream_t>(place.stream)>>>(body);
  return cudaGetLastError();
}

// Has the driver load the kernel now: loading it at its first launch would be refused inside a graph's capture.
template <class Body>
Status load_kernel() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, run_body<Body>);
}

}  // namespace pysampler::cuda
