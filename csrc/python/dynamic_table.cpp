#include "python/dynamic_table.h"

#include <optional>
#include <string>
#include <utility>

#include <pybind11/stl.h>

#include "cpu/dynamic/packed_table.h"
#include "python/call.h"
#include "python/fingerprint.h"
#include "python/table.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

constexpr uint64_t kBrief = 1 << 14;  // so many draws or updates take less time than anybody needs to interrupt

constexpr const char* kNothing = "there is nothing to draw: no weight is positive";

std::string describe_update(const InvalidUpdate& error) {
  const std::string place = std::to_string(error.place), bad = std::to_string(error.bad_count);
  if (error.is_index) {
    return "indices must lie in [0, " + std::to_string(error.items) + "), but indices[" + place + "] is " +
           std::to_string(error.index) + " (invalid entries: " + bad + "); nothing was changed";
  }
  const std::string value = py::repr(py::float_(error.weight));
  return "weights must be finite and >= 0, but weights[" + place + "] is " + value + " (invalid entries: " + bad +
         "); nothing was changed";
}

// Calls that are over at once: nobody needs to be able to interrupt them.
template <class Work>
auto briefly(Work&& work) {
  const py::gil_scoped_release released;
  return work();
}

// Like without_gil, with the errors of a dynamic table. The GIL is released before a table's lock is waited for, so
// that whoever holds that lock can take the GIL to look for signals.
template <class Work>
auto with_table(int threads, uint64_t count, Work&& work) {
  try {
    if (count <= kBrief) return briefly([&] { return work(Execution{threads, {}}); });
    return without_gil(threads, std::forward<Work>(work));
  } catch (const InvalidUpdate& error) {
    throw py::value_error(describe_update(error));
  } catch (const InvalidWeights&) {  // of brief calls: what was wrong is no longer there to be named
    throw py::value_error("indices or weights changed while they were read: pass copies; nothing was changed");
  } catch (const NothingToDraw&) {
    throw py::value_error(kNothing);
  } catch (const TooManyItems&) {
    throw py::value_error("a table has at most 2^32 - 1 items");
  } catch (const TooFewPositive& error) {
    throw py::value_error("draws without replacement need as many positive weights, but there are " +
                          std::to_string(error.positive));
  } catch (const InvalidScale&) {
    throw py::value_error("the scale does not suit the weights");
  }
}

std::shared_ptr<DynamicTable> make_table(uintptr_t weights, uint64_t items, bool is_float64, uint64_t capacity,
                                         const py::object& scale, int threads) {
  const bool given = !scale.is_none();
  const int exponent = given ? scale.cast<int>() : 0;
  return with_table(threads, ~uint64_t{0}, [&](const Execution& execution) {
    return std::make_shared<DynamicTable>(weight_view(weights, items, is_float64), capacity,
                                          given ? &exponent : nullptr, execution);
  });
}

// Raises what an update of a table of so many items would for a batch in which something is wrong; without indices, what
// an append would.
void refuse_batch(uintptr_t indices, uintptr_t weights, uint64_t count, uint64_t items, bool is_float64) {
  const WeightType type = is_float64 ? WeightType::kFloat64 : WeightType::kFloat32;
  try {
    refuse_update(pointer<const int64_t>(indices), pointer<const void>(weights), count, items, type);
  } catch (const InvalidUpdate& error) {
    throw py::value_error(describe_update(error));
  } catch (const InvalidWeights&) {
    throw py::value_error("indices or weights changed while they were read: pass copies; nothing was changed");
  }
}

// Where an object's bytes begin: contiguous, of one that tells. Cheaper than what NumPy's arrays say of themselves.
uintptr_t buffer_address(const py::object& object) {
  Py_buffer view;
  if (PyObject_GetBuffer(object.ptr(), &view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  const auto address = reinterpret_cast<uintptr_t>(view.buf);
  PyBuffer_Release(&view);
  return address;
}

void draw_packed_into(uintptr_t table, uint64_t words, uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch,
                      uint64_t start, uint64_t step, int threads, uint64_t strata) {
  const auto* const from = pointer<const uint64_t>(table);
  if (!is_packed(from, words)) throw py::value_error("table is not what DynamicTable.as_tensor() returns");
  without_gil(threads, [&](const Execution& execution) {
    draw_packed(from, words, make_stream(seed, epoch), start, step, strata, count, pointer<int64_t>(out), execution);
  });
}

void assign(DynamicTable& table, uintptr_t weights, uint64_t items, bool is_float64, int scale, int threads) {
  with_table(threads, ~uint64_t{0}, [&](const Execution& execution) {
    table.assign(weight_view(weights, items, is_float64), &scale, execution);
  });
}

}  // namespace

void draw_dynamic(const DynamicTable& table, Stream stream, uint64_t start, uint64_t step, uint64_t strata,
                  uint64_t count, int64_t* out, int threads) {
  with_table(threads, count, [&](const Execution& execution) {
    table.draw(stream, start, step, strata, count, out, execution);
  });
}

void update_dynamic(DynamicTable& table, const int64_t* indices, const void* weights, uint64_t count, int threads) {
  with_table(threads, count, [&](const Execution& execution) { table.update(indices, weights, count, execution); });
}

void DrawRecord::note(uint64_t position, int64_t version) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!stretches_.empty() && stretches_.back().version == version && stretches_.back().position <= position) return;
  while (!stretches_.empty() && stretches_.back().position >= position) stretches_.pop_back();
  if (stretches_.empty() || stretches_.back().version != version) stretches_.push_back({position, version});
}

std::vector<DrawRecord::Stretch> DrawRecord::stretches() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stretches_;
}

DynamicDraws::DynamicDraws(std::shared_ptr<DynamicTable> table, uint64_t seed, uint64_t epoch,
                           std::shared_ptr<DrawRecord> record, uint64_t rank)
    : table_(std::move(table)),
      stream_(make_stream(seed, epoch)),
      padding_(make_stream(seed, epoch, Tag::kPadding)),
      record_(std::move(record)),
      rank_(rank) {
  if (!table_) throw py::type_error("a table is needed, not None");
}

void DynamicDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  draw_all(start, step, count, out, {});
}

void DynamicDraws::draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                            const Execution& execution) const {
  const uint64_t version = draw_from(stream_, start, step, count, out, execution);
  if (record_ && count != 0) record_->note(start - rank_, static_cast<int64_t>(version));
}

void DynamicDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  draw_from(padding_, start, step, count, out, {});
}

// Iterators come here with the GIL. It is released while the table's lock is waited for: whoever holds that may want to
// take the GIL.
uint64_t DynamicDraws::draw_from(Stream stream, uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                                 const Execution& execution) const {
  std::optional<py::gil_scoped_release> released;
  if (PyGILState_Check() != 0) released.emplace();
  try {
    return table_->draw(stream, start, step, 0, count, out, execution);
  } catch (const NothingToDraw&) {
    throw py::value_error(kNothing);
  }
}

void bind_dynamic_table(py::module_& module) {
  using Table = DynamicTable;
  py::class_<Table, std::shared_ptr<Table>>(module, "DynamicTable")
      .def(py::init(&make_table), py::arg("weights"), py::arg("items"), py::arg("is_float64"), py::arg("capacity"),
           py::arg("scale"), py::arg("threads"))
      .def("assign", &assign, py::arg("weights"), py::arg("items"), py::arg("is_float64"), py::arg("scale"),
           py::arg("threads"))
      .def("summary",
           [](const Table& table) {
             const Table::Summary now = briefly([&] { return table.summary(); });
             return py::make_tuple(now.items, now.capacity, now.total, now.positive, now.version, now.bytes, now.scale,
                                   to_hex(now.fingerprint));
           })
      .def("update",
           [](Table& table, uintptr_t indices, uintptr_t weights, uint64_t count, int threads) {
             update_dynamic(table, pointer<const int64_t>(indices), pointer<const void>(weights), count, threads);
           },
           py::arg("indices"), py::arg("weights"), py::arg("count"), py::arg("threads"))
      .def("check",
           [](const Table& table, uintptr_t indices, uintptr_t weights, uint64_t count) {
             with_table(1, 0, [&](const Execution&) {
               table.check_update(pointer<const int64_t>(indices), pointer<const void>(weights), count);
             });
           },
           py::arg("indices"), py::arg("weights"), py::arg("count"))
      .def("append",
           [](Table& table, uintptr_t weights, uint64_t count, int threads) {
             with_table(threads, count, [&](const Execution& execution) {
               table.append(pointer<const void>(weights), count, execution);
             });
           },
           py::arg("weights"), py::arg("count"), py::arg("threads"))
      .def("draw_into",
           [](const Table& table, uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch, uint64_t start,
              uint64_t step, int threads, uint64_t strata) {
             draw_dynamic(table, make_stream(seed, epoch), start, step, strata, count, pointer<int64_t>(out), threads);
           },
           py::arg("out"), py::arg("count"), py::arg("seed"), py::arg("epoch"), py::arg("start"), py::arg("step"),
           py::arg("threads"), py::arg("strata"))
      .def("draw_distinct_into",
           [](Table& table, uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch) {
             with_table(1, count, [&](const Execution&) {
               table.draw_distinct(seed, epoch, count, pointer<int64_t>(out));
             });
           },
           py::arg("out"), py::arg("count"), py::arg("seed"), py::arg("epoch"))
      .def("masses_of",
           [](Table& table, uintptr_t indices, uint64_t count, uintptr_t out, bool with_least) {
             uint64_t total = 0, least = 0;
             const bool found = briefly([&] {
               const auto* const from = pointer<const int64_t>(indices);
               auto* const to = pointer<uint64_t>(out);
               return with_least ? table.masses_of(from, count, to, &total, &least)
                                 : table.masses_of(from, count, to, &total);
             });
             if (!found) throw py::index_error("indices must lie in [0, N)");
             return py::make_tuple(total, least);
           },
           py::arg("indices"), py::arg("count"), py::arg("out"), py::arg("with_least"))
      .def("weights_of",
           [](const Table& table, uintptr_t indices, uint64_t count, uintptr_t out) {
             const bool found = briefly([&] {
               return table.weights_of(pointer<const int64_t>(indices), count, pointer<void>(out));
             });
             if (!found) throw py::index_error("indices must lie in [0, N)");
           },
           py::arg("indices"), py::arg("count"), py::arg("out"))
      .def("masses_into",
           [](const Table& table, uintptr_t out, uint64_t room) {
             uint64_t total = 0;
             const uint64_t items = briefly([&] { return table.all_masses(room, pointer<uint64_t>(out), &total); });
             return py::make_tuple(items, total);
           },
           py::arg("out"), py::arg("room"))
      .def("weights_into",
           [](const Table& table, uintptr_t out, uint64_t room) {
             const Table::Held held = briefly([&] { return table.all_weights(room, pointer<void>(out)); });
             return py::make_tuple(held.items, held.scale, held.version, to_hex(held.fingerprint));
           },
           py::arg("out"), py::arg("room"))
      .def("pack_into",
           [](const Table& table, uintptr_t out, uint64_t room) {
             return briefly([&] { return table.pack(pointer<uint64_t>(out), room); });
           },
           py::arg("out"), py::arg("room"))
      .def("largest", [](Table& table) { return briefly([&] { return table.largest(); }); })
      .def("smallest", [](Table& table) { return briefly([&] { return table.smallest(); }); });
  py::class_<DrawRecord, std::shared_ptr<DrawRecord>>(module, "DrawRecord")
      .def(py::init([](const std::vector<std::pair<uint64_t, int64_t>>& stretches) {
             const auto record = std::make_shared<DrawRecord>();
             for (const auto& [position, version] : stretches) record->note(position, version);
             return record;
           }),
           py::arg("stretches"))
      .def("stretches", [](const DrawRecord& record) {
        std::vector<std::pair<uint64_t, int64_t>> stretches;
        for (const auto& [position, version] : record.stretches()) stretches.emplace_back(position, version);
        return stretches;
      });
  py::class_<DynamicDraws, PassDraws, std::shared_ptr<DynamicDraws>>(module, "DynamicDraws")
      .def(py::init<std::shared_ptr<Table>, uint64_t, uint64_t, std::shared_ptr<DrawRecord>, uint64_t>(),
           py::arg("table"), py::arg("seed"), py::arg("epoch"), py::arg("record") = std::shared_ptr<DrawRecord>(),
           py::arg("rank") = 0);
  module.def("buffer_address", &buffer_address, py::arg("object"));
  module.def("refuse_batch", &refuse_batch, py::arg("indices"), py::arg("weights"), py::arg("count"), py::arg("items"),
             py::arg("is_float64"));
  module.def("draw_packed_into", &draw_packed_into, py::arg("table"), py::arg("words"), py::arg("out"),
             py::arg("count"), py::arg("seed"), py::arg("epoch"), py::arg("start"), py::arg("step"),
             py::arg("threads"), py::arg("strata"));
  module.def("is_packed",
             [](uintptr_t table, uint64_t words) { return is_packed(pointer<const uint64_t>(table), words); },
             py::arg("table"), py::arg("words"));
  module.def("packed_fingerprint",
             [](uint64_t low, uint64_t high, int scale, uint64_t items) {
               return to_hex(fingerprint_of_table({low, high}, scale, items));
             },
             py::arg("low"), py::arg("high"), py::arg("scale"), py::arg("items"));
  // Only where it must: whoever gets the interpreter's lock just before a fork may begin or end a thread, and CPython 3.11
  // forks with the lock over its list of threads taken, for which the child then waits for ever.
  module.def("hold_locks", [] {
    if (!FairLock::try_hold_all()) briefly([] { FairLock::hold_all(); });
  });
  module.def("release_locks_in_parent", &FairLock::release_all_in_parent);
  module.def("release_locks_in_child", &FairLock::release_all_in_child);
}

}  // namespace pysampler::python
