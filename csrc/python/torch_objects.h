// Questions put to torch's objects through Python, for calls so short that Python's own steps would cost more. Whatever is
// unusual is left to the long way round, which says what is wrong.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <exception>
#include <new>
#include <stdexcept>

#include "python/call.h"

namespace pysampler::python {

// Anything that is unusual, which the long way through Python deals with or complains about.
struct Unusual {};

// torch's words for what is asked of a tensor, as Python wants them.
struct TensorWords {
  pybind11::str dtype{"dtype"}, is_cpu{"is_cpu"}, shape{"shape"}, is_neg{"is_neg"}, is_contiguous{"is_contiguous"};
  pybind11::str data_ptr{"data_ptr"}, untyped_storage{"untyped_storage"}, nbytes{"nbytes"}, numel{"numel"};
  pybind11::str storage_offset{"storage_offset"};
};

inline pybind11::object checked(PyObject* result) {
  if (result == nullptr) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::object>(result);
}

// An answer of a tensor. Inside vmap and grad, and where there is no memory, it is a RuntimeError (NotImplementedError is
// one); FakeTensorMode asserts.
inline pybind11::object answer(PyObject* result) {
  if (result == nullptr && (PyErr_ExceptionMatches(PyExc_RuntimeError) || PyErr_ExceptionMatches(PyExc_AssertionError))) {
    PyErr_Clear();
    throw Unusual{};
  }
  return checked(result);
}

inline pybind11::object get(pybind11::handle of, const pybind11::str& name) {
  return answer(PyObject_GetAttr(of.ptr(), name.ptr()));
}
inline pybind11::object call(pybind11::handle of, const pybind11::str& name) {
  return answer(PyObject_CallMethodNoArgs(of.ptr(), name.ptr()));
}

// Addresses and sizes; while torch traces a call, they may be no plain numbers.
inline uint64_t number(const pybind11::object& value) {
  if (!PyLong_Check(value.ptr())) throw Unusual{};
  const uint64_t number = PyLong_AsUnsignedLongLong(value.ptr());
  if (number == static_cast<uint64_t>(-1) && PyErr_Occurred() != nullptr) throw pybind11::error_already_set();
  return number;
}

// Runs what a function of a capsule does: None for what is unusual, Python's exceptions for C++'s.
template <class Work>
PyObject* at_once(Work&& work) {
  try {
    return work().release().ptr();
  } catch (const Unusual&) {
    Py_RETURN_NONE;
  } catch (pybind11::error_already_set& error) {
    error.restore();
  } catch (const pybind11::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::invalid_argument& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

}  // namespace pysampler::python
