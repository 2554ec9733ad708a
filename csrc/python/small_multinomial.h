// multinomial of the usual arguments in one call from Python: what is asked of the tensor, its output, the key and the
// draws. Of a row of ten weights the draws take less time than any two of Python's steps.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python {

// make_multinomial_at_once(torch's objects) -> multinomial_at_once(weights, num_samples, replacement).
void bind_small_multinomial(pybind11::module_& module);

}  // namespace pysampler::python
