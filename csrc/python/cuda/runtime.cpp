#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "cuda/kernels.h"
#include "python/cuda/call.h"

namespace py = pybind11;

namespace pysampler::python::cuda {
namespace {

// Why the runtime cannot be used, or nothing.
std::optional<std::string> problem() {
  const Status status = pysampler::cuda::availability();
  if (status == pysampler::cuda::kSuccess) return std::nullopt;
  return pysampler::cuda::explain(status, 0);
}

py::tuple versions() {
  const pysampler::cuda::Versions found = pysampler::cuda::versions();
  return py::make_tuple(found.runtime, found.driver, found.devices);
}

void prepare(int device) {
  const py::gil_scoped_release released;
  check(pysampler::cuda::load_kernels(device), device);
}

}  // namespace

void bind_runtime(py::module_& module) {
  module.def("problem", &problem);
  module.def("versions", &versions);
  module.def("prepare", &prepare, py::arg("device"));
}

}  // namespace pysampler::python::cuda
