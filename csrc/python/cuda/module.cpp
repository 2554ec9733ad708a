// pysampler._cuda: the GPU part. Python checks the arguments and passes addresses and streams; see pysampler/_cuda.pyi.
#include <pybind11/pybind11.h>

#include "python/cuda/build.h"
#include "python/cuda/call.h"
#include "python/cuda/coverage.h"
#include "python/cuda/draw.h"
#include "python/cuda/dynamic.h"
#include "python/cuda/rows.h"

namespace py = pybind11;

// Nothing relies on the interpreter's lock: calls share no state but the device's.
PYBIND11_MODULE(_cuda, module, py::mod_gil_not_used()) {
  namespace bindings = pysampler::python::cuda;
  bindings::bind_runtime(module);
  bindings::bind_draw(module);
  bindings::bind_build(module);
  bindings::bind_coverage(module);
  bindings::bind_rows(module);
  bindings::bind_dynamic(module);
}
