#include "python/table.h"

#include <algorithm>
#include <iterator>

#include "cpu/runtime/memory.h"
#include "cpu/table/build.h"
#include "cpu/table/table_scan.h"
#include "python/buffers.h"
#include "python/call.h"
#include "python/fingerprint.h"

namespace py = pybind11;

namespace pysampler::python {

WeightView weight_view(uintptr_t data, uint64_t count, bool is_float64) {
  return {pointer<const void>(data), count, is_float64 ? WeightType::kFloat64 : WeightType::kFloat32};
}

std::shared_ptr<Table> Table::build(uintptr_t weights, uint64_t items, bool is_float64, int threads) {
  if (items == 0 || items > kMaxItems) throw py::value_error("a table has between 1 and 2^32 - 1 items");
  const auto memory = std::make_shared<LargeBuffer>(items * sizeof(AliasEntry));
  auto* entries = memory->as<AliasEntry>();
  without_gil(threads, [&](const Execution& execution) {
    pysampler::build(weight_view(weights, items, is_float64), entries, execution);
  });
  return std::shared_ptr<Table>(new Table(memory, {entries, items}));
}

std::shared_ptr<Table> Table::over(const py::buffer& buffer, bool check, int threads) {
  const auto [owner, entries, items] = adopt<AliasEntry>(buffer, "a table's entries");
  if (items == 0 || items > kMaxItems) throw py::value_error("a table has between 1 and 2^32 - 1 items");
  const AliasTableView view = {entries, items};
  const bool sound = !check || without_gil(threads, [&](const Execution& execution) {
                       return aliases_in_range(view, execution);
                     });
  if (!sound) throw py::value_error("the table is damaged: an alias lies outside of it");
  return std::shared_ptr<Table>(new Table(owner, view));
}

Evaluation Table::draw(uintptr_t out, Stream stream, const Positions& positions, int threads, bool is_int32,
                       Evaluation wanted) const {
  return without_gil(threads, [&](const Execution& execution) {
    if (is_int32) return pysampler::draw(view_, stream, positions, pointer<int32_t>(out), execution, wanted);
    return pysampler::draw(view_, stream, positions, pointer<int64_t>(out), execution, wanted);
  });
}

void Table::draw_into(uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch, uint64_t start, uint64_t step,
                      int threads, bool is_int32) const {
  draw(out, make_stream(seed, epoch), {start, step, count}, threads, is_int32, Evaluation::kAuto);
}

std::string Table::draw_evaluated(uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch, uint64_t start,
                                  uint64_t step, int threads, bool is_int32, const std::string& evaluation) const {
  static constexpr const char* kNames[] = {"auto", "direct", "partitioned"};  // as Evaluation has them
  const auto wanted = std::find(std::begin(kNames), std::end(kNames), evaluation) - std::begin(kNames);
  if (wanted == 3) throw py::value_error("evaluation must be auto, direct or partitioned");
  const Evaluation used = draw(out, make_stream(seed, epoch), {start, step, count}, threads, is_int32,
                               static_cast<Evaluation>(wanted));
  return kNames[static_cast<int>(used)];
}

void Table::masses_into(uintptr_t out) const {
  const py::gil_scoped_release released;
  table_masses(view_, pointer<uint64_t>(out));
}

std::string Table::fingerprint(int threads) const {
  return to_hex(
      without_gil(threads, [&](const Execution& execution) { return pysampler::fingerprint(view_, execution); }));
}

void bind_table(py::module_& module) {
  py::class_<Table, std::shared_ptr<Table>>(module, "Table", py::buffer_protocol())
      .def_static("build", &Table::build, py::arg("weights"), py::arg("items"), py::arg("is_float64"),
                  py::arg("threads"))
      .def_static("over", &Table::over, py::arg("buffer"), py::arg("check"), py::arg("threads"))
      .def("__len__", &Table::items)
      .def_property_readonly("address", [](const Table& table) { return reinterpret_cast<uintptr_t>(table.view().entries); })
      .def("draw_into", &Table::draw_into, py::arg("out"), py::arg("count"), py::arg("seed"), py::arg("epoch"),
           py::arg("start"), py::arg("step"), py::arg("threads"), py::arg("is_int32") = false)
      .def("draw_evaluated", &Table::draw_evaluated, py::arg("out"), py::arg("count"), py::arg("seed"), py::arg("epoch"),
           py::arg("start"), py::arg("step"), py::arg("threads"), py::arg("is_int32"), py::arg("evaluation"))
      .def("masses_into", &Table::masses_into, py::arg("out"))
      .def("fingerprint", &Table::fingerprint, py::arg("threads"))
      .def_buffer([](const Table& table) {
        return py::buffer_info(const_cast<AliasEntry*>(table.view().entries), sizeof(uint64_t),
                               py::format_descriptor<uint64_t>::format(), 1,
                               {static_cast<py::ssize_t>(table.items())}, {sizeof(uint64_t)}, /*readonly=*/true);
      });
}

}  // namespace pysampler::python
