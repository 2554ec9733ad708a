// What errors say of weights and indices: the same wherever these are read, on the CPU or on a GPU.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "core/marks.h"
#include "core/weights.h"

namespace pysampler::python {

// The message of a ValueError. `prefix` names the weights, for instance "weights" or "weights[3]" (row 3 of a matrix).
inline std::string describe(const InvalidWeights& error, const std::string& prefix = "weights") {
  switch (error.reason) {
    case InvalidWeights::Reason::kAllZero:
      return prefix + " must have a positive sum, but every entry is zero";
    case InvalidWeights::Reason::kChangedMeanwhile:
      return prefix + " changed while the table was built: another thread wrote to them; pass a copy";
    case InvalidWeights::Reason::kNotFiniteOrNegative: break;
  }
  const std::string value = pybind11::repr(pybind11::float_(error.first_value));
  return prefix + " must be finite and >= 0, but " + prefix + "[" + std::to_string(error.first_index) + "] is " +
         value + " (invalid entries: " + std::to_string(error.bad_count) + ")";
}

// The message of an IndexError about indices that were to be marked.
inline std::string describe(const IndexOutOfRange& error, uint64_t items) {
  const std::string place = "indices[" + std::to_string(error.place) + "] is " + std::to_string(error.index);
  if (error.changed) {
    return "indices changed while they were read (" + place + "): another thread wrote to them; pass a copy";
  }
  return "indices must lie in [0, " + std::to_string(items) + "), but " + place;
}

}  // namespace pysampler::python
