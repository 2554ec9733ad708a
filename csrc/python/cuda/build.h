// pysampler._cuda.build_table, build_scratch_bytes.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python::cuda {

void bind_build(pybind11::module_& module);

}  // namespace pysampler::python::cuda
