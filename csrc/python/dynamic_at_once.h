// Draws and updates of dynamic tables with the usual arguments, each in one call from Python: what is asked of tensors, the
// output and the work. Of a batch of 256 Python's steps would take as long as the work.
#pragma once

#include <pybind11/pybind11.h>

namespace pysampler::python {

// make_dynamic_at_once(torch's objects) -> draw_at_once(table, n, seed, epoch, start, step, stratified) and
// update_at_once(table, indices, weights). None is what they return for what is unusual, with nothing done; the update
// else returns True.
void bind_dynamic_at_once(pybind11::module_& module);

}  // namespace pysampler::python
