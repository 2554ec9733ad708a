// How Python calls reach the core: errors become Python exceptions, long calls release the GIL and hear Ctrl-C.
#pragma once

#include <pybind11/pybind11.h>

#include <utility>

#include "cpu/runtime/parallel.h"
#include "cpu/table/weight_check.h"
#include "python/describe.h"

namespace pysampler::python {

// Whether a signal handler has raised. Looks a few times a second only, counted over all that one call does.
Interrupt signal_check();

// Runs work(execution) without the GIL, on up to `threads` threads. A signal handler that raises (Ctrl-C) stops it.
template <class Work>
auto without_gil(int threads, Work&& work) {
  const Execution execution = {threads, signal_check()};
  try {
    const pybind11::gil_scoped_release released;
    return std::forward<Work>(work)(execution);
  } catch (const Interrupted&) {
    throw pybind11::error_already_set();  // what the signal handler raised
  } catch (const InvalidWeights& error) {
    throw pybind11::value_error(describe(error));
  }
}

template <class T>
T* pointer(uintptr_t address) {
  return reinterpret_cast<T*>(address);
}

}  // namespace pysampler::python
