// pysampler._cuda.dynamic_update, dynamic_draw, dynamic_masses, dynamic_scratch_bytes.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python::cuda {

void bind_dynamic(pybind11::module_& module);

}  // namespace pysampler::python::cuda
