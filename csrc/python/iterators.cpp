// Iterators that hand out Python ints, or lists of them, from chunks of draws. Written as plain CPython types: a
// pybind11 method costs several times what an index costs here.
#include "python/iterators.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "python/call.h"
#include "python/position_source.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

constexpr uint64_t kFirstChunk = 256;  // the first index comes at once
constexpr uint64_t kChunk = 4096;      // 32 KiB: stays in L1
constexpr uint64_t kChangedChunk = 16;  // after the draws have changed: they may soon change again

// Held while an iterator advances. Waits without the GIL for other threads. A thread that holds it already has come
// back from within (a signal handler, a finaliser, the beginning itself): an error, as of generators.
class Advancing {
 public:
  class Lock {
   public:
    friend class Advancing;

   private:
    std::mutex mutex_;
    std::atomic<std::thread::id> holder_{};
  };

  explicit Advancing(Lock& lock) : lock_(lock) {
    const std::thread::id me = std::this_thread::get_id();
    if (lock.holder_.load(std::memory_order_relaxed) == me) throw py::value_error("iterator already executing");
    if (!lock.mutex_.try_lock()) {
      const py::gil_scoped_release released;
      lock.mutex_.lock();
    }
    lock.holder_.store(me, std::memory_order_relaxed);
  }
  ~Advancing() {
    lock_.holder_.store(std::thread::id(), std::memory_order_relaxed);
    lock_.mutex_.unlock();
  }
  Advancing(const Advancing&) = delete;
  Advancing& operator=(const Advancing&) = delete;

 private:
  Lock& lock_;
};

// How many indices an iterator has handed out, for those who outlive it. One thread at a time adds.
struct HandedOut {
  std::atomic<uint64_t> count{0};

  void add(uint64_t more) { count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed); }
};

// What both iterators share. The source is asked for at the first `next`: iter() alone has no effect.
struct Chunks {
  Advancing::Lock lock;
  std::shared_ptr<PositionSource> source;
  std::vector<int64_t> indices;
  uint64_t base = 0;    // positions before indices[0]
  uint64_t used = 0;    // of `filled` indices
  uint64_t filled = 0;
  uint64_t room = kFirstChunk;
  uint64_t seen = 0;  // the version of what was read
  const std::atomic<uint64_t>* version = nullptr;
  const std::shared_ptr<HandedOut> progress = std::make_shared<HandedOut>();
  HandedOut& counter = *progress;
  bool exhausted = false;

  bool stale() const { return version != nullptr && version->load(std::memory_order_acquire) != seen; }
  bool ready() const { return used != filled && !stale(); }

  PyObject* pop() {
    counter.add(1);
    return PyLong_FromLongLong(indices[used++]);
  }

  // Drops what was read ahead if the draws have changed since; the next read will be of about `wanted` indices.
  void drop_stale(uint64_t wanted) {
    if (!stale()) return;
    filled = used;
    room = std::min(kChunk, std::max(kChangedChunk, wanted));
  }

  // At least one unused index, unless the end is reached. Throws what `begin` raised.
  bool refill(PyObject* begin) {
    if (used != filled) return true;
    if (exhausted) return false;
    if (!source) {
      const auto result = py::reinterpret_steal<py::object>(PyObject_CallNoArgs(begin));
      if (!result) throw py::error_already_set();
      source = result.cast<std::shared_ptr<PositionSource>>();
      version = source->version();
    }
    if (indices.size() < room) indices.resize(room);
    if (version != nullptr) seen = version->load(std::memory_order_acquire);
    base += used;
    used = filled = 0;  // so that nothing is handed out twice if reading fails
    filled = source->take(base, indices.data(), room);
    room = std::min(kChunk, 16 * room);
    exhausted = filled == 0;
    if (exhausted) {
      version = nullptr;
      source.reset();
    }
    return !exhausted;
  }
};

struct Iterator {
  PyObject_HEAD
  PyObject* begin;  // callable without arguments, returns a PositionSource
  Chunks* chunks;
  uint64_t batch_size;  // BatchIterator only
  bool drop_last;
};

Iterator* cast(PyObject* self) { return reinterpret_cast<Iterator*>(self); }

// Turns C++ exceptions into Python's.
template <class Body>
PyObject* guarded(Body body) {
  try {
    return body();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

PyObject* index_next(PyObject* self) {
  Chunks& chunks = *cast(self)->chunks;
#ifndef Py_GIL_DISABLED  // the GIL is lock enough
  if (chunks.ready()) return chunks.pop();
#endif
  return guarded([&]() -> PyObject* {
    const Advancing advancing(chunks.lock);
    chunks.drop_stale(1);
    return chunks.refill(cast(self)->begin) ? chunks.pop() : nullptr;
  });
}

// Moves `count` unused indices to a list.
py::object list_of(Chunks& chunks, uint64_t count) {
  py::object list = py::reinterpret_steal<py::object>(PyList_New(static_cast<Py_ssize_t>(count)));
  if (!list) throw py::error_already_set();
  for (uint64_t i = 0; i < count; ++i) {
    PyObject* const index = PyLong_FromLongLong(chunks.indices[chunks.used + i]);
    if (index == nullptr) throw py::error_already_set();
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), index);
  }
  chunks.used += count;
  return list;
}

PyObject* batch_next(PyObject* self) {
  return guarded([&]() -> PyObject* {
    Iterator& iterator = *cast(self);
    Chunks& chunks = *iterator.chunks;
    const Advancing advancing(chunks.lock);
    chunks.drop_stale(iterator.batch_size);
    // The list grows a chunk at a time, so that a huge batch_size needs no memory beyond the indices there are.
    py::object batch = py::reinterpret_steal<py::object>(nullptr);
    uint64_t size = 0;
    while (size < iterator.batch_size && chunks.refill(iterator.begin)) {
      const uint64_t count = std::min(iterator.batch_size - size, chunks.filled - chunks.used);
      py::object part = list_of(chunks, count);
      size += count;
      if (!batch) {
        batch = std::move(part);
      } else if (PyList_SetSlice(batch.ptr(), PY_SSIZE_T_MAX, PY_SSIZE_T_MAX, part.ptr()) < 0) {
        throw py::error_already_set();
      }
    }
    if (size == 0 || (size < iterator.batch_size && iterator.drop_last)) return nullptr;
    chunks.counter.add(size);
    return batch.release().ptr();
  });
}

PyObject* allocate(PyTypeObject* type, PyObject* begin, uint64_t batch_size, bool drop_last) {
  if (PyCallable_Check(begin) == 0) {
    PyErr_SetString(PyExc_TypeError, "begin must be callable");
    return nullptr;
  }
  PyObject* const self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  try {
    cast(self)->chunks = new Chunks;
  } catch (const std::bad_alloc&) {
    Py_DECREF(self);
    return PyErr_NoMemory();
  }
  Py_INCREF(begin);
  cast(self)->begin = begin;
  cast(self)->batch_size = batch_size;
  cast(self)->drop_last = drop_last;
  return self;
}

PyObject* index_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"begin", nullptr};
  PyObject* begin;
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "O", const_cast<char**>(names), &begin) == 0) return nullptr;
  return allocate(type, begin, 1, false);
}

PyObject* batch_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"begin", "batch_size", "drop_last", nullptr};
  PyObject* begin;
  long long batch_size;
  int drop_last;
  if (PyArg_ParseTupleAndKeywords(args, kwargs, "OLp", const_cast<char**>(names), &begin, &batch_size, &drop_last) ==
      0) {
    return nullptr;
  }
  if (batch_size < 1) {
    PyErr_SetString(PyExc_ValueError, "batch_size must be at least 1");
    return nullptr;
  }
  return allocate(type, begin, static_cast<uint64_t>(batch_size), drop_last != 0);
}

void iterator_dealloc(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(cast(self)->begin);
  delete cast(self)->chunks;
  type->tp_free(self);
  Py_DECREF(type);
}

int iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(cast(self)->begin);
  return 0;
}

int iterator_clear(PyObject* self) {
  Py_CLEAR(cast(self)->begin);
  return 0;
}

PyObject* handed_out(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(cast(self)->chunks->counter.count.load(std::memory_order_relaxed));
}

PyObject* progress(PyObject* self, void*) {
  return guarded([&] { return py::cast(cast(self)->chunks->progress).release().ptr(); });
}

PyGetSetDef kProperties[] = {
    {"handed_out", handed_out, nullptr, "How many indices this iterator has handed out.", nullptr},
    {"progress", progress, nullptr, "The same as a HandedOut, which does not keep the iterator alive.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

template <class Function>
void* slot(Function function) {
  return reinterpret_cast<void*>(function);
}

void add_type(py::module_& module, const char* name, const char* qualified_name, newfunc create, iternextfunc next,
              const char* doc) {
  PyType_Slot slots[] = {
      {Py_tp_new, slot(create)},
      {Py_tp_dealloc, slot(iterator_dealloc)},
      {Py_tp_traverse, slot(iterator_traverse)},
      {Py_tp_clear, slot(iterator_clear)},
      {Py_tp_iter, slot(PyObject_SelfIter)},
      {Py_tp_iternext, slot(next)},
      {Py_tp_getset, kProperties},
      {Py_tp_doc, const_cast<char*>(doc)},
      {0, nullptr},
  };
  const unsigned flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE;
  PyType_Spec spec = {qualified_name, sizeof(Iterator), 0, flags, slots};
  py::object type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  module.add_object(name, type);
}

}  // namespace

void bind_iterators(py::module_& module) {
  py::class_<HandedOut, std::shared_ptr<HandedOut>>(module, "HandedOut")
      .def(py::init<>())
      .def_property_readonly("count", [](const HandedOut& it) { return it.count.load(std::memory_order_relaxed); })
      .def("add", &HandedOut::add, py::arg("more"));
  add_type(module, "IndexIterator", "pysampler._core.IndexIterator", index_new, index_next,
           "IndexIterator(begin)\n\nIndices of the PositionSource that begin() returns at the first next.");
  add_type(module, "BatchIterator", "pysampler._core.BatchIterator", batch_new, batch_next,
           "BatchIterator(begin, batch_size, drop_last)\n\nThe same in lists of batch_size.");
}

}  // namespace pysampler::python
