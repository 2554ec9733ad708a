#include "cuda/runtime.h"

#include <cuda_runtime.h>

#ifndef PYSAMPLER_CUDA_ARCHITECTURES
#define PYSAMPLER_CUDA_ARCHITECTURES "unknown"
#endif

namespace pysampler::cuda {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string compute_capability(int device) {
  int major = 0, minor = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  return std::to_string(major) + "." + std::to_string(minor);
}

}  // namespace

Status use_device(int device) { return cudaSetDevice(device); }

Status multiprocessors(int device, uint32_t* count) {
  int value = 0;
  const Status status = cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, device);
  *count = static_cast<uint32_t>(value);
  return status;
}

Versions versions() {
  Versions result = {0, 0, 0};
  cudaRuntimeGetVersion(&result.runtime);
  cudaDriverGetVersion(&result.driver);
  if (cudaGetDeviceCount(&result.devices) != cudaSuccess) result.devices = 0;
  cudaGetLastError();  // an error met here is no error of the next call
  return result;
}

Status availability() {
  int devices = 0;
  const Status status = cudaGetDeviceCount(&devices);
  cudaGetLastError();
  return status == cudaSuccess && devices == 0 ? cudaErrorNoDevice : status;
}

std::string explain(Status status, int device) {
  const Versions found = versions();
  const std::string runtime = version_text(found.runtime);
  switch (status) {
    case cudaErrorInsufficientDriver:
      if (found.driver == 0) return "no NVIDIA driver was found";
      return "the NVIDIA driver is too old: it supports CUDA " + version_text(found.driver) +
             ", but pysampler was compiled with CUDA " + runtime +
             "; update the driver, or install pysampler again with an nvcc of that version";
    case cudaErrorNoDevice:
      return "no CUDA device was found (driver: CUDA " + version_text(found.driver) +
             "; is CUDA_VISIBLE_DEVICES empty?)";
    case cudaErrorInvalidDevice:
      return "there is no CUDA device " + std::to_string(device) + " (devices: " + std::to_string(found.devices) + ")";
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidDeviceFunction:  // what asking for the attributes of a kernel without an image gives
    case cudaErrorUnsupportedPtxVersion:
      return "device " + std::to_string(device) + " has compute capability " + compute_capability(device) +
             ", but pysampler was compiled for " PYSAMPLER_CUDA_ARCHITECTURES " with CUDA " + runtime +
             "; install it again with TORCH_CUDA_ARCH_LIST set to that capability";
    default: break;
  }
  const auto error = static_cast<cudaError_t>(status);
  return std::string(cudaGetErrorString(error)) + " (" + cudaGetErrorName(error) + ", device " +
         std::to_string(device) + ", CUDA " + runtime + ", driver CUDA " + version_text(found.driver) + ")";
}

}  // namespace pysampler::cuda
