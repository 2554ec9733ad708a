// Draws from rows of weights on a GPU.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python::cuda {

void bind_rows(pybind11::module_& module);

}  // namespace pysampler::python::cuda
