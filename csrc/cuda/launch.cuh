// Runs bodies (grid.h, team.h) on the GPU.
#pragma once

#include <cuda_runtime.h>

#include "cuda/grid.h"
#include "cuda/runtime.h"
#include "cuda/team.h"

namespace pysampler::cuda {

template <class Body>
__global__ void __launch_bounds__(Body::kThreads) run_body(const Body body) {
  body(ThreadAt{blockIdx.x, threadIdx.x, {gridDim.x, blockDim.x}});
}

template <uint32_t kThreadCount>
class DeviceTeam {
 public:
  static constexpr uint32_t kThreads = kThreadCount;
  template <class T>
  struct Own {
    T value;
    __device__ __forceinline__ T& operator[](uint32_t) { return value; }
  };

  __device__ __forceinline__ uint32_t block() const { return blockIdx.x; }
  __device__ __forceinline__ void barrier() { __syncthreads(); }
  template <class Step>
  __device__ __forceinline__ void each(Step step) {
    step(threadIdx.x);
    __syncthreads();
  }
};

// Of the largest blocks of threads there is one only: without a word, the compiler leaves registers for two to a
// multiprocessor, and spills.
constexpr uint32_t least_together(uint32_t threads) { return threads == 1024 ? 1 : 0; }

template <class Body>
__global__ void __launch_bounds__(Body::kThreads, least_together(Body::kThreads)) run_team_body(const Body body) {
  __shared__ typename Body::Shared shared;
  DeviceTeam<Body::kThreads> team;
  body(team, shared);
}

// Queues the body on the stream, on the current device (see `use_device`). Waits for nothing.
template <class Body>
Status launch(const Body& body, Grid grid, Place place) {
  if (grid.blocks == 0) return kSuccess;
  run_body<Body><<<grid.blocks, grid.threads, 0, static_cast<cudaStream_t>(place.stream)>>>(body);
  return cudaGetLastError();
}

// The same for a body of team.h.
template <class Body>
Status launch_team(const Body& body, uint32_t blocks, Place place) {
  if (blocks == 0) return kSuccess;
  run_team_body<Body><<<blocks, Body::kThreads, 0, static_cast<cudaStream_t>(place.stream)>>>(body);
  return cudaGetLastError();
}

// While it lives, the calling thread may do what a graph's capture, its own or another thread's, otherwise forbids:
// loading kernels allocates. Nothing of it is captured.
class RelaxedCapture {
 public:
  RelaxedCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~RelaxedCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;  // then the one before
};

// Have the driver load a kernel now: loading it at its first launch would be refused inside a graph's capture, and would
// spoil one that another thread captures.
template <class Body>
Status load_kernel() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, run_body<Body>);
}
template <class Body>
Status load_team_kernel() {
  cudaFuncAttributes attributes;
  return cudaFuncGetAttributes(&attributes, run_team_body<Body>);
}

}  // namespace pysampler::cuda
