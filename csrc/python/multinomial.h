// pysampler._core.multinomial_into: draws from each row of a matrix of weights.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "cpu/multinomial/multinomial.h"
#include "python/describe.h"

namespace pysampler::python {

// The error of a row that cannot be drawn from.
pybind11::value_error error_of(const InvalidRow& row, bool is_matrix, uint64_t draws);

// Checks all rows, asks take_start() where the random numbers begin, and draws. `run(work)` returns work(execution) and
// decides about threads and the GIL, which take_start() needs.
template <class TakeStart, class Run>
void draw_rows(const MultinomialJob& wanted, bool is_matrix, int64_t* out, TakeStart take_start, Run run) {
  try {
    Multinomial job = run([&](const Execution& execution) { return Multinomial(wanted, execution); });
    const StreamStart start = take_start();
    run([&](const Execution& execution) { job.draw(start, out, execution); });
  } catch (const InvalidRow& error) {
    throw error_of(error, is_matrix, wanted.draws);
  } catch (const InvalidWeights& error) {
    throw pybind11::value_error(describe(error));
  }
}

void bind_multinomial(pybind11::module_& module);

}  // namespace pysampler::python
