// pysampler._core: marking what has come, counting it, and drawing past epochs again.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python {

void bind_coverage(pybind11::module_& module);

}  // namespace pysampler::python
