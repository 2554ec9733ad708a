// pysampler._cuda.draw_into, draw_from_state.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python::cuda {

void bind_draw(pybind11::module_& module);

}  // namespace pysampler::python::cuda
