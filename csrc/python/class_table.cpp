#include "python/class_table.h"

#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "cpu/classes/class_draw.h"
#include "cpu/classes/class_members.h"
#include "python/buffers.h"
#include "python/call.h"
#include "python/fingerprint.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

std::string describe_label(const InvalidLabel& error, uint64_t classes) {
  const std::string item = std::to_string(error.item), code = std::to_string(error.code);
  switch (error.reason) {
    case InvalidLabel::Reason::kOutOfRange:
      return "labels must be class indices in [0, " + std::to_string(classes) + "), but that of item " + item + " is " +
             code;
    case InvalidLabel::Reason::kRepeated: return "item " + item + " has class " + code + " twice";
    case InvalidLabel::Reason::kOffsets: return "the offsets of labels are wrong at item " + item;
    case InvalidLabel::Reason::kChangedMeanwhile: break;
  }
  return "labels changed while they were read: another thread wrote to them; pass a copy";
}

uintptr_t address(const void* data) { return reinterpret_cast<uintptr_t>(data); }

class ClassTableDraws final : public PassDraws {
 public:
  ClassTableDraws(std::shared_ptr<ClassTable> table, uint64_t seed, uint64_t epoch)
      : table_(std::move(table)), streams_(class_streams(seed, epoch)), padding_(class_padding(seed, epoch)) {}

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override {
    class_draw(table_->view(), table_->places(), streams_, {start, step, count}, out);
  }
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override {
    class_draw(table_->view(), table_->places(), padding_, {start, step, count}, out);
  }
  void draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                const Execution& execution) const override {
    class_draw(table_->view(), table_->places(), streams_, {start, step, count}, out, execution);
  }

 private:
  std::shared_ptr<ClassTable> table_;
  ClassStreams streams_, padding_;
};

void bind_members(py::module_& module) {
  py::class_<Members, std::shared_ptr<Members>>(module, "ClassMembers")
      .def_static("group", &Members::group, py::arg("codes"), py::arg("entries"), py::arg("offsets"), py::arg("items"),
                  py::arg("classes"), py::arg("threads"))
      .def_static("over", &Members::over, py::arg("ranges"), py::arg("members"), py::arg("items"), py::arg("check"),
                  py::arg("threads"))
      .def_property_readonly("items", &Members::items)
      .def_property_readonly("classes", [](const Members& members) { return members.view().classes; })
      .def_property_readonly("places", &Members::places)
      .def_property_readonly("ranges_address", [](const Members& members) { return address(members.view().ranges); })
      .def_property_readonly("members_address", [](const Members& members) { return address(members.view().members); })
      .def("spread_into", &Members::spread_into, py::arg("out"), py::arg("class_shares"))
      .def("fingerprint", &Members::fingerprint, py::arg("threads"));
}

}  // namespace

std::shared_ptr<Members> Members::group(uintptr_t codes, uint64_t entries, uintptr_t offsets, uint64_t items,
                                        uint64_t classes, int threads) {
  if (items == 0 || items > kMaxItems || entries > kMaxItems) {
    throw py::value_error("there must be between 1 and 2^32 - 1 items, and at most as many labels");
  }
  if (classes == 0 || classes > kMaxClasses) throw py::value_error("there must be between 1 and 2^24 classes");
  const LabelView labels = {pointer<const int64_t>(codes), entries, pointer<const int64_t>(offsets), items};
  try {
    const auto grouped = std::make_shared<ClassMembers>(
        without_gil(threads, [&](const Execution& execution) { return group_by_class(labels, classes, execution); }));
    const bool consecutive = grouped->members.bytes() == 0;
    const ClassItems view = {grouped->ranges.as<ClassRange>(),
                             consecutive ? nullptr : grouped->members.as<uint32_t>(), classes};
    return std::shared_ptr<Members>(new Members(grouped, view, consecutive ? items : entries, items));
  } catch (const InvalidLabel& error) {
    throw py::value_error(describe_label(error, classes));
  }
}

std::shared_ptr<Members> Members::over(const py::buffer& ranges, const py::object& members, uint64_t items, bool check,
                                       int threads) {
  if (items == 0 || items > kMaxItems) throw py::value_error("there must be between 1 and 2^32 - 1 items");
  const auto adopted = std::make_shared<std::pair<Adopted<ClassRange>, Adopted<uint32_t>>>(
      adopt<ClassRange>(ranges, "ranges"), Adopted<uint32_t>{nullptr, nullptr, items});
  if (!members.is_none()) adopted->second = adopt<uint32_t>(members.cast<py::buffer>(), "members");
  const uint64_t classes = adopted->first.count, places = adopted->second.count;
  if (classes == 0 || classes > kMaxClasses) throw py::value_error("there must be between 1 and 2^24 classes");
  if (places > kMaxItems) throw py::value_error("there must be at most 2^32 - 1 members");
  const ClassItems view = {adopted->first.data, adopted->second.data, classes};
  const bool sound = ranges_in_range(view, places) &&  // they are few: looked at in any case
                     (!check || view.members == nullptr || without_gil(threads, [&](const Execution& execution) {
                       return members_in_range(view.members, places, items, execution);
                     }));
  if (!sound) throw py::value_error("the members of classes are damaged: they lead outside of the items");
  return std::shared_ptr<Members>(new Members(adopted, view, places, items));
}

std::string Members::fingerprint(int threads) const {
  return to_hex(without_gil(threads, [&](const Execution& execution) {
    return pysampler::fingerprint(view_, places_, items_, execution);
  }));
}

void Members::spread_into(uintptr_t out, uintptr_t class_shares) const {
  const py::gil_scoped_release released;
  spread_evenly(view(), pointer<const double>(class_shares), items_, pointer<double>(out));
}

ClassTable::ClassTable(std::shared_ptr<Table> classes, std::shared_ptr<Members> members)
    : classes_(std::move(classes)), members_(std::move(members)) {
  if (classes_->items() != members_->view().classes) throw py::value_error("the table must have an entry per class");
  if (!drawn_classes_filled(view())) throw py::value_error("the table leads to classes without items");
}

std::shared_ptr<ClassTable> ClassTable::build(std::shared_ptr<Members> members, uintptr_t weights, bool is_float64,
                                              int threads) {
  const ClassItems items = members->view();
  std::vector<double> masses(items.classes);
  class_masses(weight_view(weights, items.classes, is_float64), items.ranges, masses.data());
  auto classes = Table::build(address(masses.data()), items.classes, true, threads);
  return std::make_shared<ClassTable>(std::move(classes), std::move(members));
}

ClassTableView ClassTable::view() const { return {classes_->view(), members_->view()}; }

void bind_class_table(py::module_& module) {
  bind_members(module);
  py::class_<ClassTable, std::shared_ptr<ClassTable>>(module, "ClassTable")
      .def(py::init<std::shared_ptr<Table>, std::shared_ptr<Members>>(), py::arg("classes"), py::arg("members"))
      .def_static("build", &ClassTable::build, py::arg("members"), py::arg("weights"), py::arg("is_float64"),
                  py::arg("threads"))
      .def_property_readonly("classes", &ClassTable::classes)
      .def("pass_draws",
           [](const std::shared_ptr<ClassTable>& table, uint64_t seed, uint64_t epoch) -> std::shared_ptr<PassDraws> {
             return std::make_shared<ClassTableDraws>(table, seed, epoch);
           },
           py::arg("seed"), py::arg("epoch"));
}

}  // namespace pysampler::python
