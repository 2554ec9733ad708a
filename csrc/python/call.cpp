#include "python/call.h"

#include <chrono>
#include <memory>

namespace pysampler::python {

Target active_target() {
  static const Target target = choose_target();
  return target;
}

Interrupt signal_check() {
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kInterval(100);
  const auto last = std::make_shared<Clock::time_point>(Clock::now());
  return [last] {
    const Clock::time_point now = Clock::now();
    if (now - *last < kInterval) return false;
    *last = now;
    const pybind11::gil_scoped_acquire gil;
    return PyErr_CheckSignals() != 0;
  };
}

std::string describe(const InvalidWeights& error, const std::string& prefix) {
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
