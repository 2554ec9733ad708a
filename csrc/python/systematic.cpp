#include "python/systematic.h"

#include <string>
#include <utility>

#include "core/alias_table.h"
#include "python/buffers.h"
#include "python/call.h"
#include "python/fingerprint.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

using Tables = std::shared_ptr<const MassTable>;

SystematicPass make_pass(Tables table, uint64_t seed, uint64_t epoch, uint64_t draws, uint64_t batch) {
  if (table == nullptr) throw py::type_error("a table is needed");
  if (draws == 0 || draws > kMaxSystematicDraws) throw py::value_error("draws must be in [1, 2^54]");
  if (batch > draws || batch > kMaxBatch) throw py::value_error("batch must be at most draws, and at most 2^24");
  const py::gil_scoped_release released;
  return {std::move(table), seed, epoch, draws, batch};
}

std::shared_ptr<MassTable> of_items(uintptr_t masses, uint64_t items, uintptr_t labels, uint64_t classes, int threads) {
  if (items == 0 || items > kMaxItems) throw py::value_error("a table has between 1 and 2^32 - 1 items");
  if (classes == 0) throw py::value_error("there must be at least one class");
  try {
    return without_gil(threads, [&](const Execution& execution) {
      return std::make_shared<MassTable>(mass_table_of_items(
          pointer<const uint64_t>(masses), items, pointer<const int64_t>(labels), classes, execution));
    });
  } catch (const InvalidClass& error) {
    throw py::value_error("labels must be in [0, " + std::to_string(classes) + "), but labels[" +
                          std::to_string(error.item) + "] is " + std::to_string(error.found));
  } catch (const InvalidMasses&) {
    throw py::value_error("masses must add up to at least 1, and to less than 2^64");
  }
}

// `order` and `owner`: the items at the places, 4 bytes each, or 0, and what keeps them alive.
std::shared_ptr<MassTable> of_classes(uintptr_t masses, uintptr_t ranges, uint64_t classes, uintptr_t order,
                                      uint64_t places, uint64_t items, py::object owner) {
  if (classes == 0 || items == 0 || items > kMaxItems || places > kMaxItems) {
    throw py::value_error("a table has between 1 and 2^32 - 1 items, and at least one class");
  }
  try {
    auto table = std::make_shared<MassTable>(mass_table_of_classes(
        pointer<const uint64_t>(masses), pointer<const ClassRange>(ranges), classes, places, items));
    table->order = pointer<const uint32_t>(order);
    table->order_owner = kept_alive(std::move(owner));
    return table;
  } catch (const InvalidRange& error) {
    throw py::value_error("class " + std::to_string(error.label) + " has mass but no members, or members beyond " +
                          std::to_string(places) + " places");
  } catch (const InvalidMasses&) {
    throw py::value_error("masses of classes must add up to at least 1, and to less than 2^62");
  }
}

}  // namespace

SystematicDraws::SystematicDraws(Tables table, uint64_t seed, uint64_t epoch, uint64_t draws, uint64_t batch)
    : draws_(draws), pass_(make_pass(std::move(table), seed, epoch, draws, batch)) {}

void SystematicDraws::check(uint64_t start, uint64_t step, uint64_t count) const {
  if (count != 0 && (step == 0 || start >= draws_ || count - 1 > (draws_ - 1 - start) / step)) {
    throw py::value_error("positions must lie within the epoch");
  }
}

void SystematicDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  check(start, step, count);
  pass_.draw({start, step, count}, out);
}

void SystematicDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  pass_.pad({start, step, count}, out);
}

void SystematicDraws::draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                               const Execution& execution) const {
  check(start, step, count);
  pass_.draw({start, step, count}, out, execution);
}

void bind_systematic(py::module_& module) {
  py::class_<MassTable, std::shared_ptr<MassTable>>(module, "MassTable")
      .def_static("of_items", &of_items, py::arg("masses"), py::arg("items"), py::arg("labels"),
                  py::arg("classes"), py::arg("threads"))
      .def_static("of_classes", &of_classes, py::arg("masses"), py::arg("ranges"), py::arg("classes"), py::arg("order"),
                  py::arg("places"), py::arg("items"), py::arg("owner"))
      .def("__len__", [](const MassTable& table) { return table.items; })
      .def_property_readonly("classes", &MassTable::classes)
      .def_property_readonly("total", &MassTable::total)
      .def_property_readonly("nbytes", &MassTable::bytes)
      .def("masses_into",
           [](const MassTable& table, uintptr_t out) {
             const py::gil_scoped_release released;
             table.item_masses(pointer<uint64_t>(out));
           },
           py::arg("out"))
      .def("labels_into",
           [](const MassTable& table, uintptr_t out) {
             if (table.class_places.empty()) throw py::value_error("the members of classes have no single label");
             const py::gil_scoped_release released;
             table.item_labels(pointer<int64_t>(out));
           },
           py::arg("out"))
      .def("fingerprint", [](const MassTable& table) {
        const py::gil_scoped_release released;
        return to_hex(table.fingerprint());
      });
  py::class_<SystematicDraws, PassDraws, std::shared_ptr<SystematicDraws>>(module, "SystematicDraws")
      .def(py::init<std::shared_ptr<MassTable>, uint64_t, uint64_t, uint64_t, uint64_t>(), py::arg("table"),
           py::arg("seed"), py::arg("epoch"), py::arg("draws"), py::arg("batch"));
}

}  // namespace pysampler::python
