#include "python/dynamic_at_once.h"

#include <cstdint>
#include <memory>

#include "python/dynamic_table.h"
#include "python/torch_objects.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

constexpr uint64_t kMostAtOnce = 1 << 14;  // draws, which one thread makes before another would have begun
constexpr uint64_t kSmall = uint64_t{1} << 31;  // n, epoch, start and step below it reach no position that is too large

// What Python hands over once, and what is made of it.
struct TorchOfTables {
  py::object tensor, int64, float32, float64, new_empty, num_threads;
  TensorWords words;
};

// A plain int in [0, limit).
uint64_t whole(PyObject* value, uint64_t limit) {
  if (!PyLong_CheckExact(value)) throw Unusual{};
  const uint64_t number = PyLong_AsUnsignedLongLong(value);
  if (number == static_cast<uint64_t>(-1) && PyErr_Occurred() != nullptr) {
    PyErr_Clear();  // negative, or too large
    throw Unusual{};
  }
  if (number >= limit && limit != 0) throw Unusual{};
  return number;
}

DynamicTable& table_in(PyObject* object) { return py::cast<DynamicTable&>(py::handle(object)); }

py::object draw_at_once(const TorchOfTables& torch, PyObject* const* arguments) {
  const uint64_t count = whole(arguments[1], kMostAtOnce), seed = whole(arguments[2], 0);
  const uint64_t epoch = whole(arguments[3], kSmall), start = whole(arguments[4], kSmall);
  const uint64_t step = whole(arguments[5], kSmall);
  if (count == 0 || step == 0 || !PyBool_Check(arguments[6])) throw Unusual{};
  const uint64_t strata = arguments[6] == Py_True ? count : 0;
  py::object made = answer(PyObject_CallOneArg(torch.new_empty.ptr(), arguments[1]));
  if (reinterpret_cast<PyObject*>(Py_TYPE(made.ptr())) != torch.tensor.ptr()) throw Unusual{};  // under FakeTensorMode
  const uint64_t address = number(call(made, torch.words.data_ptr));
  if (address == 0) throw Unusual{};
  draw_dynamic(table_in(arguments[0]), make_stream(seed, epoch), start, step, strata, count, pointer<int64_t>(address), 1);
  return made;
}

struct Entries {
  uintptr_t address;
  uint64_t count;
};

// The entries of a tensor that can be read as they are and lie in memory: the same questions as plain_batch() of
// pysampler/sources/dynamic_batch.py.
Entries entries_of(const TorchOfTables& torch, py::handle tensor, const py::object& dtype, uint64_t bytes) {
  const TensorWords& words = torch.words;
  if (reinterpret_cast<PyObject*>(Py_TYPE(tensor.ptr())) != torch.tensor.ptr()) throw Unusual{};
  // Tensors that are sparse, nested or without memory fail at one of these.
  if (!get(tensor, words.dtype).is(dtype) || get(tensor, words.is_cpu).ptr() != Py_True ||
      call(tensor, words.is_contiguous).ptr() != Py_True || call(tensor, words.is_neg).ptr() != Py_False) {
    throw Unusual{};
  }
  const uint64_t count = number(call(tensor, words.numel)), address = number(call(tensor, words.data_ptr));
  const uint64_t held = number(call(call(tensor, words.untyped_storage), words.nbytes));
  const uint64_t before = number(call(tensor, words.storage_offset));
  if (address == 0 || address % bytes != 0 || held / bytes < count || held / bytes - count < before) throw Unusual{};
  return {static_cast<uintptr_t>(address), count};
}

py::object update_at_once(const TorchOfTables& torch, PyObject* const* arguments) {
  DynamicTable& table = table_in(arguments[0]);
  const bool wide = table.type() == WeightType::kFloat64;
  const Entries indices = entries_of(torch, arguments[1], torch.int64, 8);
  const Entries weights = entries_of(torch, arguments[2], wide ? torch.float64 : torch.float32, wide ? 8 : 4);
  if (indices.count != weights.count) throw Unusual{};
  const py::object threads = checked(PyObject_CallNoArgs(torch.num_threads.ptr()));
  update_dynamic(table, pointer<const int64_t>(indices.address), pointer<const void>(weights.address), indices.count,
                 static_cast<int>(number(threads)));
  return py::bool_(true);
}

constexpr const char* kCapsuleOfTables = "pysampler.TorchOfTables";

template <py::object (*kWork)(const TorchOfTables&, PyObject* const*), Py_ssize_t kArguments>
PyObject* with_arguments(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return at_once([&] {
    if (count != kArguments) throw py::type_error("another number of arguments is wanted");
    return kWork(*static_cast<const TorchOfTables*>(PyCapsule_GetPointer(self, kCapsuleOfTables)), arguments);
  });
}

template <py::object (*kWork)(const TorchOfTables&, PyObject* const*), Py_ssize_t kArguments>
py::object function_of(const py::capsule& capsule, const char* name) {
  static PyMethodDef definition = {
      name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&with_arguments<kWork, kArguments>)),
      METH_FASTCALL, nullptr};
  return checked(PyCFunction_NewEx(&definition, capsule.ptr(), nullptr));
}

py::tuple make_dynamic_at_once(py::object tensor, py::object int64, py::object float32, py::object float64,
                               py::object new_empty, py::object num_threads) {
  auto torch = std::make_unique<TorchOfTables>(TorchOfTables{std::move(tensor), std::move(int64), std::move(float32),
                                                             std::move(float64), std::move(new_empty),
                                                             std::move(num_threads), {}});
  const py::capsule capsule(torch.release(), kCapsuleOfTables, [](PyObject* own) {
    delete static_cast<TorchOfTables*>(PyCapsule_GetPointer(own, kCapsuleOfTables));
  });
  return py::make_tuple(function_of<&draw_at_once, 7>(capsule, "draw_at_once"),
                        function_of<&update_at_once, 3>(capsule, "update_at_once"));
}

}  // namespace

void bind_dynamic_at_once(py::module_& module) {
  module.def("make_dynamic_at_once", &make_dynamic_at_once, py::arg("tensor"), py::arg("int64"), py::arg("float32"),
             py::arg("float64"), py::arg("new_empty"), py::arg("num_threads"));
}

}  // namespace pysampler::python
