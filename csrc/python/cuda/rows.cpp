#include "python/cuda/rows.h"

#include <string>

#include "cuda/rows/rows.h"
#include "python/cuda/call.h"
#include "python/describe.h"

namespace py = pybind11;

namespace pysampler::python::cuda {
namespace {

using pysampler::cuda::Origin;
using pysampler::cuda::RowDraws;
using pysampler::cuda::RowsOnDevice;
using pysampler::cuda::RowsOutcome;
using pysampler::cuda::RowsWay;
using pysampler::cuda::StreamState;

// A matrix, how its rows are drawn from ("shares", "tables", "race"), and the memory that this needs.
class Rows {
 public:
  Rows(uintptr_t weights, uint64_t rows, uint64_t columns, bool is_float64, const std::string& way)
      : matrix_{pointer<const void>(weights),
                is_float64 ? WeightType::kFloat64 : WeightType::kFloat32,
                rows,
                columns,
                way_named(way),
                nullptr,
                nullptr} {
    if (rows == 0 || columns == 0 || columns > kMaxItems) throw py::value_error("there must be rows and columns");
    // Only whether there are tables decides how much memory they need.
    if (matrix_.way == RowsWay::kTables) matrix_.tables = pointer<AliasEntry>(kPlaceholder);
    scratch_bytes_ = rows_scratch_bytes(matrix_);
  }

  uint64_t table_entries() const {
    return matrix_.way == RowsWay::kTables ? matrix_.rows * ((matrix_.columns + 1) / 2 * 2) : 0;
  }
  uint64_t scratch_bytes() const { return scratch_bytes_; }

  void use(uintptr_t tables, uintptr_t scratch) {
    if (tables % 16 != 0 || scratch % 16 != 0) throw py::value_error("tables and scratch begin at multiples of 16");
    matrix_.tables = matrix_.way == RowsWay::kTables ? pointer<AliasEntry>(tables) : nullptr;
    matrix_.scratch = pointer<void>(scratch);
  }

  // The number of the first bad row, with an error's text; -1 if all are sound. Waits for the stream.
  py::tuple check(bool is_matrix, int device, uintptr_t stream) const {
    RowsOutcome outcome = {};
    on_stream(device, stream, [&](Place place) { return prepare_rows(matrix_, place, &outcome); });
    if (outcome.row >= matrix_.rows) return py::make_tuple(-1, "");
    const InvalidWeights changed = {InvalidWeights::Reason::kChangedMeanwhile};
    const std::string name = is_matrix ? "weights[" + std::to_string(outcome.row) + "]" : "weights";
    return py::make_tuple(outcome.row, describe(outcome.outcome.failed != 0 ? outcome.outcome.invalid : changed, name));
  }

  // The same without looking at the outcome: nothing waits.
  void prepare(int device, uintptr_t stream) const {
    on_stream(device, stream, [&](Place place) { return prepare_rows(matrix_, place, nullptr); });
  }

  // `state`: an address, or 0 for the positions from 0 on of the stream (seed, 0).
  void draw_into(uintptr_t out, uint64_t draws, uint64_t seed, uintptr_t state, int device, uintptr_t stream) const {
    const RowDraws drawn = {{make_stream(seed, 0), 0}, pointer<const StreamState>(state), draws, pointer<int64_t>(out)};
    on_stream(device, stream, [&](Place place) { return draw_rows(matrix_, drawn, place); });
  }

  void race_into(uintptr_t keys, uint64_t seed, uintptr_t state, int device, uintptr_t stream) const {
    const Origin origin = {make_stream(seed, 0), 0};
    on_stream(device, stream, [&](Place place) {
      return race_rows(matrix_, origin, pointer<const StreamState>(state), pointer<int64_t>(keys), place);
    });
  }

 private:
  static constexpr uintptr_t kPlaceholder = 16;

  static RowsWay way_named(const std::string& way) {
    if (way == "shares") return RowsWay::kShares;
    if (way == "tables") return RowsWay::kTables;
    if (way == "race") return RowsWay::kRace;
    throw py::value_error("way must be 'shares', 'tables' or 'race'");
  }

  RowsOnDevice matrix_;
  uint64_t scratch_bytes_;
};

void softmax_into(uintptr_t out, uintptr_t logits, uint64_t rows, uint64_t columns, bool is_float64, int device,
                  uintptr_t stream) {
  const WeightType type = is_float64 ? WeightType::kFloat64 : WeightType::kFloat32;
  on_stream(device, stream, [&](Place place) {
    return pysampler::cuda::softmax_rows(pointer<const void>(logits), type, rows, columns, pointer<double>(out), place);
  });
}

void advance_state(uintptr_t state, uint64_t by, int device, uintptr_t stream) {
  on_stream(device, stream,
            [&](Place place) { return pysampler::cuda::advance(pointer<StreamState>(state), by, place); });
}

}  // namespace

void bind_rows(py::module_& module) {
  py::class_<Rows>(module, "Rows")
      .def(py::init<uintptr_t, uint64_t, uint64_t, bool, const std::string&>(), py::arg("weights"), py::arg("rows"),
           py::arg("columns"), py::arg("is_float64"), py::arg("way"))
      .def_property_readonly("table_entries", &Rows::table_entries)
      .def_property_readonly("scratch_bytes", &Rows::scratch_bytes)
      .def("use", &Rows::use, py::arg("tables"), py::arg("scratch"))
      .def("check", &Rows::check, py::arg("is_matrix"), py::arg("device"), py::arg("stream"))
      .def("prepare", &Rows::prepare, py::arg("device"), py::arg("stream"))
      .def("draw_into", &Rows::draw_into, py::arg("out"), py::arg("draws"), py::arg("seed"), py::arg("state"),
           py::arg("device"), py::arg("stream"))
      .def("race_into", &Rows::race_into, py::arg("keys"), py::arg("seed"), py::arg("state"), py::arg("device"),
           py::arg("stream"));
  module.def("softmax_into", &softmax_into, py::arg("out"), py::arg("logits"), py::arg("rows"), py::arg("columns"),
             py::arg("is_float64"), py::arg("device"), py::arg("stream"));
  module.def("advance_state", &advance_state, py::arg("state"), py::arg("by"), py::arg("device"), py::arg("stream"));
}

}  // namespace pysampler::python::cuda
