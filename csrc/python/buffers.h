// Somebody's memory, adopted: kept alive and never written.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "cpu/runtime/memory.h"

namespace pysampler::python {

// Keeps `object` alive. Released with the GIL held, whoever drops the last reference.
template <class T>
std::shared_ptr<const T> kept_alive(T object) {
  return std::shared_ptr<const T>(new T(std::move(object)), [](const T* released) {
    const pybind11::gil_scoped_acquire gil;
    delete released;
  });
}

template <class T>
struct Adopted {
  std::shared_ptr<const void> owner;
  const T* data;
  uint64_t count;
};

// The memory of a contiguous one-dimensional buffer of whole `T`, or a copy of it if it is not aligned as `T` must be.
template <class T>
Adopted<T> adopt(const pybind11::buffer& buffer, const char* name) {
  const auto view = kept_alive(buffer.request());
  const auto bytes = static_cast<uint64_t>(view->size) * static_cast<uint64_t>(view->itemsize);
  if (view->ndim != 1 || (view->size != 0 && view->strides[0] != view->itemsize) || bytes % sizeof(T) != 0) {
    throw pybind11::value_error(std::string(name) + " must be a contiguous buffer of " + std::to_string(sizeof(T)) +
                                " bytes each");
  }
  if (reinterpret_cast<uintptr_t>(view->ptr) % alignof(T) == 0) {
    return {view, static_cast<const T*>(view->ptr), bytes / sizeof(T)};
  }
  const auto copy = std::make_shared<LargeBuffer>(bytes);
  if (bytes != 0) std::memcpy(copy->template as<void>(), view->ptr, bytes);
  return {copy, copy->template as<T>(), bytes / sizeof(T)};
}

}  // namespace pysampler::python
