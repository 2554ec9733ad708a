// pysampler._core.multinomial_into: draws from each row of a matrix of weights.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python {

void bind_multinomial(pybind11::module_& module);

}  // namespace pysampler::python
