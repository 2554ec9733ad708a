// The message of a ValueError, the same wherever weights are read: on the CPU or on a GPU.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "core/weights.h"

namespace pysampler::python {

// `prefix` names the weights, for instance "weights" or "weights[3]" (row 3 of a matrix).
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

}  // namespace pysampler::python
