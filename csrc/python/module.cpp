// pysampler._core: the CPU part. Python checks the arguments and passes addresses; see pysampler/_core.pyi.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "cpu/runtime/memory.h"
#include "cpu/without_replacement/without_replacement.h"
#include "python/call.h"
#include "python/class_table.h"
#include "python/coverage.h"
#include "python/dynamic_at_once.h"
#include "python/dynamic_table.h"
#include "python/fingerprint.h"
#include "python/iterators.h"
#include "python/mixture.h"
#include "python/multinomial.h"
#include "python/pass_draws.h"
#include "python/position_source.h"
#include "python/priorities.h"
#include "python/small_multinomial.h"
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

}  // namespace
}  // namespace pysampler::python

// Nothing relies on the interpreter's lock: objects are immutable, or have a lock of their own (iterators, mixtures,
// dynamic tables and their records).
PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  namespace bindings = pysampler::python;
  module.def("cpu_target", [] { return pysampler::target_name(pysampler::active_target()); });
  module.def("cpu_targets", &bindings::supported_target_names);
  module.def("prefer_huge_pages", [](uintptr_t data, uint64_t bytes) {
    pysampler::prefer_huge_pages(bindings::pointer<void>(data), bytes);
  }, py::arg("data"), py::arg("bytes"));
  bindings::bind_table(module);
  bindings::bind_pass_draws(module);
  bindings::bind_systematic(module);
  bindings::bind_dynamic_table(module);
  bindings::bind_position_source(module);
  module.def("combined_fingerprint", &bindings::combined_fingerprint, py::arg("first"), py::arg("second"));
  bindings::bind_class_table(module);
  bindings::bind_class_rounds(module);
  bindings::bind_mixture(module);
  bindings::bind_iterators(module);
  bindings::bind_coverage(module);
  bindings::bind_multinomial(module);
  bindings::bind_small_multinomial(module);
  bindings::bind_dynamic_at_once(module);
  bindings::bind_priorities(module);
  module.def("positive_weights", &bindings::positive_weights, py::arg("weights"), py::arg("count"),
             py::arg("is_float64"), py::arg("threads"));
  module.def("draw_without_replacement_into", &bindings::draw_without_replacement_into, py::arg("out"),
             py::arg("count"), py::arg("weights"), py::arg("items"), py::arg("is_float64"), py::arg("table"),
             py::arg("seed"), py::arg("epoch"), py::arg("threads"));
}
