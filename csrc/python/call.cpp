#include "python/call.h"

#include <chrono>
#include <memory>

namespace pysampler::python {

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

}  // namespace pysampler::python
