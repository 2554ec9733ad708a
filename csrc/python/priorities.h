// What pysampler.replay asks for: powers of priorities, corrections of losses. Not checked: addresses and slots.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python {

void bind_priorities(pybind11::module_& module);

}  // namespace pysampler::python
