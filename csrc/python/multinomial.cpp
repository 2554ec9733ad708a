#include "python/multinomial.h"

#include <string>
#include <tuple>

#include "cpu/multinomial/multinomial.h"
#include "cpu/runtime/memory.h"
#include "cpu/softmax/softmax.h"
#include "python/call.h"
#include "python/describe.h"

namespace py = pybind11;

namespace pysampler::python {

py::value_error error_of(const InvalidRow& row, bool is_matrix, uint64_t draws) {
  const std::string name = is_matrix ? "weights[" + std::to_string(row.row) + "]" : "weights";
  if (!row.too_few) return py::value_error(describe(row.weights, name));
  return py::value_error("cannot draw num_samples=" + std::to_string(draws) + " without replacement: " + name + " has " +
                         std::to_string(row.positive) + " positive entries");
}

namespace {

StreamStart start_of(const py::object& taken) {
  if (!py::isinstance<py::tuple>(taken)) return {taken.cast<uint64_t>()};
  const auto [seed, epoch, position] = taken.cast<std::tuple<uint64_t, uint64_t, uint64_t>>();
  return {seed, epoch, position};
}

// In one call, because small ones cost little else. take_start() gives (seed, epoch, position) or the seed alone.
// `out_is_new`: nobody has written to it yet.
void multinomial_into(uintptr_t out, bool out_is_new, uintptr_t weights, uint64_t rows, uint64_t columns,
                      bool is_float64, bool is_matrix, uint64_t draws, bool replacement, const py::object& take_start,
                      int threads) {
  const WeightRows view = {pointer<const void>(weights), rows, columns,
                           is_float64 ? WeightType::kFloat64 : WeightType::kFloat32};
  const auto take = [&] {
    const StreamStart start = start_of(take_start());
    if (out_is_new) prefer_huge_pages(pointer<void>(out), rows * draws * sizeof(int64_t));
    return start;
  };
  draw_rows({view, draws, replacement}, is_matrix, pointer<int64_t>(out), take,
            [&](auto&& work) { return without_gil(threads, work); });
}

void softmax_into(uintptr_t out, uintptr_t logits, uint64_t rows, uint64_t columns, bool is_float64, int threads) {
  const WeightRows view = {pointer<const void>(logits), rows, columns,
                           is_float64 ? WeightType::kFloat64 : WeightType::kFloat32};
  without_gil(threads, [&](const Execution& execution) { softmax_weights(view, pointer<double>(out), execution); });
}

std::string way_name(uint64_t columns, uint64_t draws, bool replacement) {
  switch (way_of(columns, draws, replacement)) {
    case Way::kTable: return "tables";
    case Way::kWithoutReplacement: return "race";
    default: return "shares";
  }
}

}  // namespace

void bind_multinomial(py::module_& module) {
  module.def("multinomial_into", &multinomial_into, py::arg("out"), py::arg("out_is_new"), py::arg("weights"),
             py::arg("rows"), py::arg("columns"), py::arg("is_float64"), py::arg("is_matrix"), py::arg("draws"),
             py::arg("replacement"), py::arg("take_start"), py::arg("threads"));
  module.def("softmax_into", &softmax_into, py::arg("out"), py::arg("logits"), py::arg("rows"), py::arg("columns"),
             py::arg("is_float64"), py::arg("threads"));
  module.def("multinomial_way", &way_name, py::arg("columns"), py::arg("draws"), py::arg("replacement"));
}

}  // namespace pysampler::python
