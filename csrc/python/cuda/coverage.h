// pysampler._cuda.mark, count_bits.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python::cuda {

void bind_coverage(pybind11::module_& module);

}  // namespace pysampler::python::cuda
