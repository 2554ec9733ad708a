// pysampler._core.IndexIterator and BatchIterator.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python {

void bind_iterators(pybind11::module_& module);

}  // namespace pysampler::python
