#include "python/multinomial.h"

#include <string>

#include "cpu/multinomial/multinomial.h"
#include "cpu/runtime/memory.h"
#include "python/call.h"
#include "python/describe.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

// Checks all rows, asks take_key() for the key of the random numbers, and draws: one call, because small ones cost little
// else. take_key() returns the key, or writes it to `key_address` unless that is 0. `out_is_new`: nobody has written to it
// yet.
void multinomial_into(uintptr_t out, bool out_is_new, uintptr_t weights, uint64_t rows, uint64_t columns,
                      bool is_float64, bool is_matrix, uint64_t draws, bool replacement, const py::object& take_key,
                      uintptr_t key_address, int threads) {
  const WeightRows view = {pointer<const void>(weights), rows, columns,
                           is_float64 ? WeightType::kFloat64 : WeightType::kFloat32};
  try {
    Multinomial job = without_gil(threads, [&](const Execution& execution) {
      return Multinomial({view, draws, replacement}, execution);
    });
    const py::object key = take_key();
    const uint64_t seed = key_address == 0 ? key.cast<uint64_t>() : *pointer<const uint64_t>(key_address);
    if (out_is_new) prefer_huge_pages(pointer<void>(out), rows * draws * sizeof(int64_t));
    without_gil(threads, [&](const Execution& execution) { job.draw(seed, pointer<int64_t>(out), execution); });
  } catch (const InvalidRow& error) {
    const std::string name = is_matrix ? "weights[" + std::to_string(error.row) + "]" : "weights";
    if (!error.too_few) throw py::value_error(describe(error.weights, name));
    throw py::value_error("cannot draw num_samples=" + std::to_string(draws) + " without replacement: " + name +
                          " has " + std::to_string(error.positive) + " positive entries");
  }
}

}  // namespace

void bind_multinomial(py::module_& module) {
  module.def("multinomial_into", &multinomial_into, py::arg("out"), py::arg("out_is_new"), py::arg("weights"),
             py::arg("rows"), py::arg("columns"), py::arg("is_float64"), py::arg("is_matrix"), py::arg("draws"),
             py::arg("replacement"), py::arg("take_key"), py::arg("key_address"), py::arg("threads"));
}

}  // namespace pysampler::python
