// pysampler._core: the CPU part. Python checks the arguments and passes addresses; see pysampler/_core.pyi.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "cpu/draw/multinomial.h"
#include "cpu/without_replacement/without_replacement.h"
#include "python/call.h"
#include "python/class_table.h"
#include "python/coverage.h"
#include "python/fingerprint.h"
#include "python/iterators.h"
#include "python/pass_draws.h"
#include "python/position_source.h"
#include "python/systematic.h"
#include "python/table.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

std::vector<std::string> supported_target_names() {
  std::vector<std::string> names;
  for (const Target target : supported_targets()) names.emplace_back(target_name(target));
  return names;
}

uint64_t positive_weights(uintptr_t weights, uint64_t count, bool is_float64, int threads) {
  return without_gil(threads, [&](const Execution& execution) {
    return count_positive(weight_view(weights, count, is_float64), execution);
  });
}

void draw_without_replacement_into(uintptr_t out, uint64_t count, uintptr_t weights, uint64_t items, bool is_float64,
                                   const Table* table, uint64_t seed, uint64_t epoch, int threads) {
  const WithoutReplacement request = {weight_view(weights, items, is_float64),
                                      table == nullptr ? nullptr : table->view().entries, seed, epoch, 0};
  without_gil(threads, [&](const Execution& execution) {
    draw_without_replacement(request, count, pointer<int64_t>(out), execution);
  });
}

void multinomial_into(uintptr_t out, uintptr_t weights, uint64_t rows, uint64_t columns, bool is_float64,
                      bool is_matrix, uint64_t draws, bool replacement, const py::object& take_key, int threads) {
  const WeightView view = weight_view(weights, rows * columns, is_float64);
  const MultinomialJob job = {view, rows, columns, draws, replacement};
  try {
    without_gil(threads, [&](const Execution& execution) { check_rows(job, execution); });
    const auto seed = take_key().cast<uint64_t>();
    without_gil(threads, [&](const Execution& execution) {
      multinomial(job, seed, pointer<int64_t>(out), execution);
    });
  } catch (const InvalidRow& error) {
    const std::string name = is_matrix ? "weights[" + std::to_string(error.row) + "]" : "weights";
    if (!error.too_few) throw py::value_error(describe(error.weights, name));
    throw py::value_error("cannot draw num_samples=" + std::to_string(draws) + " without replacement: " + name +
                          " has " + std::to_string(error.positive) + " positive entries");
  }
}

}  // namespace
}  // namespace pysampler::python

PYBIND11_MODULE(_core, module) {
  namespace bindings = pysampler::python;
  module.def("cpu_target", [] { return pysampler::target_name(pysampler::active_target()); });
  module.def("cpu_targets", &bindings::supported_target_names);
  bindings::bind_table(module);
  bindings::bind_pass_draws(module);
  bindings::bind_systematic(module);
  bindings::bind_position_source(module);
  module.def("combined_fingerprint", &bindings::combined_fingerprint, py::arg("first"), py::arg("second"));
  bindings::bind_class_table(module);
  bindings::bind_class_rounds(module);
  bindings::bind_iterators(module);
  bindings::bind_coverage(module);
  module.def("positive_weights", &bindings::positive_weights, py::arg("weights"), py::arg("count"),
             py::arg("is_float64"), py::arg("threads"));
  module.def("draw_without_replacement_into", &bindings::draw_without_replacement_into, py::arg("out"),
             py::arg("count"), py::arg("weights"), py::arg("items"), py::arg("is_float64"), py::arg("table"),
             py::arg("seed"), py::arg("epoch"), py::arg("threads"));
  module.def("multinomial_into", &bindings::multinomial_into, py::arg("out"), py::arg("weights"), py::arg("rows"),
             py::arg("columns"), py::arg("is_float64"), py::arg("is_matrix"), py::arg("draws"), py::arg("replacement"),
             py::arg("take_key"), py::arg("threads"));
}
