// How Python calls reach the GPU: the device is made current, the GIL released, errors become RuntimeErrors that say why.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "cuda/runtime.h"

namespace pysampler::python::cuda {

using pysampler::cuda::Place;
using pysampler::cuda::Status;

template <class T>
T* pointer(uintptr_t address) {
  return reinterpret_cast<T*>(address);
}

inline void check(Status status, int device) {
  if (status != pysampler::cuda::kSuccess) throw std::runtime_error(pysampler::cuda::explain(status, device));
}

// Runs work(place), which queues kernels on a stream (torch's: an integer). Python has made sure that torch's current
// device is this one too, so that making it current changes nothing for torch.
template <class Work>
void on_stream(int device, uintptr_t stream, Work&& work) {
  const Place place = {device, pointer<void>(stream)};
  const pybind11::gil_scoped_release released;
  check(pysampler::cuda::use_device(device), device);
  check(std::forward<Work>(work)(place), device);
}

void bind_runtime(pybind11::module_& module);

}  // namespace pysampler::python::cuda
