#include "python/priorities.h"

#include <cstdint>

#include "core/priorities.h"
#include "cpu/runtime/float_environment.h"
#include "python/call.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

// Batches are small and these loops brief: the GIL is kept. One thread at a time uses a buffer's priorities.

py::tuple raise(uintptr_t priorities, uint64_t count, bool is_float64, double eps, double alpha, uintptr_t out) {
  const StandardFloats standard_floats;
  const PriorityRange range =
      is_float64
          ? raise_priorities(pointer<const double>(priorities), count, eps, alpha, pointer<double>(out))
          : raise_priorities(pointer<const float>(priorities), count, eps, alpha, pointer<float>(out));
  return py::make_tuple(range.invalid, range.least, range.least_at, range.greatest, range.greatest_at);
}

void correct(uintptr_t weights, uint64_t count, bool is_float64, double least, double beta) {
  const StandardFloats standard_floats;
  if (is_float64) {
    correct_weights(pointer<double>(weights), count, least, beta);
  } else {
    correct_weights(pointer<float>(weights), count, least, beta);
  }
}

void put(uintptr_t own, uint64_t capacity, uintptr_t slots, uintptr_t priorities, uint64_t count, bool is_float64) {
  const auto* const places = pointer<const int64_t>(slots);
  if (is_float64) {
    put_priorities(pointer<double>(own), capacity, places, pointer<const double>(priorities), count);
  } else {
    put_priorities(pointer<float>(own), capacity, places, pointer<const float>(priorities), count);
  }
}

}  // namespace

void bind_priorities(py::module_& module) {
  module.def("raise_priorities", &raise, py::arg("priorities"), py::arg("count"), py::arg("is_float64"), py::arg("eps"),
             py::arg("alpha"), py::arg("out"));
  module.def("correct_weights", &correct, py::arg("weights"), py::arg("count"), py::arg("is_float64"), py::arg("least"),
             py::arg("beta"));
  module.def("put_priorities", &put, py::arg("own"), py::arg("capacity"), py::arg("slots"), py::arg("priorities"),
             py::arg("count"), py::arg("is_float64"));
}

}  // namespace pysampler::python
