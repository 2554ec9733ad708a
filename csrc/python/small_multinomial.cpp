#include "python/small_multinomial.h"

#include <cstdint>
#include <memory>

#include "core/alias_table.h"
#include "cpu/multinomial/multinomial.h"
#include "python/call.h"
#include "python/multinomial.h"
#include "python/torch_objects.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

constexpr uint64_t kMostDraws = 1 << 17;   // of all rows: more of them cost more than the call
constexpr uint64_t kAtOnce = 4096;         // so many weights and draws are done before another thread could use the GIL

// What Python hands over once, and what is made of it.
struct Torch {
  py::object tensor, float32, float64, new_empty, word_of_keys, num_threads;
  TensorWords names;
};

struct Matrix {
  WeightRows rows;
  bool is_matrix;
};

// The tensor's weights where they can be read as they are and lie in memory: the same questions as address_if_held() of
// pysampler/inputs/memory.py.
Matrix matrix_of(const Torch& torch, py::handle weights) {
  const TensorWords& names = torch.names;
  if (reinterpret_cast<PyObject*>(Py_TYPE(weights.ptr())) != torch.tensor.ptr()) throw Unusual{};
  const py::object dtype = get(weights, names.dtype);
  const bool is_float64 = dtype.is(torch.float64);
  if (!is_float64 && !dtype.is(torch.float32)) throw Unusual{};
  // Tensors that are sparse, nested or without memory fail at one of these.
  if (get(weights, names.is_cpu).ptr() != Py_True || call(weights, names.is_neg).ptr() != Py_False ||
      call(weights, names.is_contiguous).ptr() != Py_True) {
    throw Unusual{};
  }
  const uint64_t address = number(call(weights, names.data_ptr));
  const py::object shape = get(weights, names.shape);
  const auto dimensions = PyTuple_Check(shape.ptr()) ? PyTuple_GET_SIZE(shape.ptr()) : 0;
  if (address == 0 || address % (is_float64 ? 8 : 4) != 0 || dimensions < 1 || dimensions > 2) throw Unusual{};
  const auto length = [&](Py_ssize_t i) {
    return number(py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(shape.ptr(), i)));
  };
  const uint64_t rows = dimensions == 2 ? length(0) : 1, columns = length(dimensions - 1);
  if (rows == 0 || columns == 0 || columns > kMaxItems || rows >= (uint64_t{1} << 62) / columns) throw Unusual{};
  const uint64_t held = number(call(call(weights, names.untyped_storage), names.nbytes));
  const uint64_t before = number(call(weights, names.storage_offset));
  if (held / (is_float64 ? 8 : 4) < before + rows * columns) throw Unusual{};
  const WeightRows view = {pointer<const void>(address), rows, columns,
                           is_float64 ? WeightType::kFloat64 : WeightType::kFloat32};
  return {view, dimensions == 2};
}

// A new tensor for the draws, and where its entries are.
struct Output {
  py::object tensor;
  int64_t* entries;
};

Output new_output(const Torch& torch, const Matrix& weights, py::handle draws) {
  py::object made;
  if (weights.is_matrix) {
    const py::int_ rows(weights.rows.rows);
    PyObject* const sizes[] = {rows.ptr(), draws.ptr()};
    made = answer(PyObject_Vectorcall(torch.new_empty.ptr(), sizes, 2, nullptr));
  } else {
    made = answer(PyObject_CallOneArg(torch.new_empty.ptr(), draws.ptr()));
  }
  if (reinterpret_cast<PyObject*>(Py_TYPE(made.ptr())) != torch.tensor.ptr()) throw Unusual{};  // under FakeTensorMode
  const uint64_t address = number(call(made, torch.names.data_ptr));
  if (address == 0) throw Unusual{};
  return {std::move(made), pointer<int64_t>(address)};
}

// The key that pysampler.keys.key_from_generator(None) would take.
uint64_t take_key(const Torch& torch) {
  const py::object word = answer(PyObject_CallNoArgs(torch.word_of_keys.ptr()));  // (what refills it, its address)
  if (!PyTuple_Check(word.ptr()) || PyTuple_GET_SIZE(word.ptr()) != 2) throw py::type_error("word_of_keys gives a pair");
  answer(PyObject_CallNoArgs(PyTuple_GET_ITEM(word.ptr(), 0)));  // refused inside vmap, grad and FakeTensorMode
  return *pointer<const uint64_t>(number(py::reinterpret_borrow<py::object>(PyTuple_GET_ITEM(word.ptr(), 1))));
}

py::object draw_at_once(const Torch& torch, py::handle weights, py::handle num_samples, py::handle replacement) {
  if (!PyLong_CheckExact(num_samples.ptr()) || !PyBool_Check(replacement.ptr())) throw Unusual{};
  const Matrix matrix = matrix_of(torch, weights);
  const uint64_t rows = matrix.rows.rows, columns = matrix.rows.columns;
  int too_large = 0;
  const long long count = PyLong_AsLongLongAndOverflow(num_samples.ptr(), &too_large);
  if (too_large != 0 || count < 1 || rows >= kMostDraws) throw Unusual{};
  const auto draws = static_cast<uint64_t>(count);
  const bool replaces = replacement.ptr() == Py_True;
  if (draws >= kMostDraws / rows || (!replaces && draws > columns)) throw Unusual{};
  const Output out = new_output(torch, matrix, num_samples);
  const MultinomialJob job = {matrix.rows, draws, replaces};
  const auto key = [&] { return StreamStart{take_key(torch)}; };
  if (rows * columns + rows * draws <= kAtOnce) {
    draw_rows(job, matrix.is_matrix, out.entries, key, [](auto&& work) { return work(Execution{1, {}}); });
  } else {
    const py::object threads = checked(PyObject_CallNoArgs(torch.num_threads.ptr()));
    const auto most = static_cast<int>(number(threads));
    draw_rows(job, matrix.is_matrix, out.entries, key, [&](auto&& work) { return without_gil(most, work); });
  }
  return out.tensor;
}

constexpr const char* kCapsule = "pysampler.Torch";

PyObject* multinomial_at_once(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return at_once([&] {
    if (count != 3) throw py::type_error("weights, num_samples and replacement are wanted");
    const auto* const torch = static_cast<const Torch*>(PyCapsule_GetPointer(self, kCapsule));
    return draw_at_once(*torch, arguments[0], arguments[1], arguments[2]);
  });
}

py::object make_multinomial_at_once(py::object tensor, py::object float32, py::object float64, py::object new_empty,
                                    py::object word_of_keys, py::object num_threads) {
  static PyMethodDef definition = {"multinomial_at_once", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(
                                                              &multinomial_at_once)),
                                   METH_FASTCALL, nullptr};
  auto torch = std::make_unique<Torch>(Torch{std::move(tensor), std::move(float32), std::move(float64),
                                             std::move(new_empty), std::move(word_of_keys), std::move(num_threads), {}});
  const py::capsule capsule(torch.release(), kCapsule, [](PyObject* own) {
    delete static_cast<Torch*>(PyCapsule_GetPointer(own, kCapsule));
  });
  return checked(PyCFunction_NewEx(&definition, capsule.ptr(), nullptr));
}

}  // namespace

void bind_small_multinomial(py::module_& module) {
  module.def("make_multinomial_at_once", &make_multinomial_at_once, py::arg("tensor"), py::arg("float32"),
             py::arg("float64"), py::arg("new_empty"), py::arg("word_of_keys"), py::arg("num_threads"));
}

}  // namespace pysampler::python
