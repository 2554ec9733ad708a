#include "python/position_source.h"

#include <algorithm>
#include <utility>

namespace py = pybind11;

namespace pysampler::python {

PositionSource::PositionSource(std::shared_ptr<PassDraws> pass, uint64_t start, uint64_t step, uint64_t count,
                               uint64_t draws)
    : pass_(std::move(pass)), start_(start), step_(step), count_(count) {
  constexpr uint64_t kPositions = uint64_t{1} << 63;
  if (!pass_) throw py::type_error("a pass's draws are needed, not None");
  if (step == 0) throw py::value_error("step must be at least 1");
  if (count != 0 && (start >= kPositions || count - 1 > (kPositions - 1 - start) / step)) {
    throw py::value_error("positions must stay below 2^63");
  }
  within_ = start < draws ? std::min(count, (draws - 1 - start) / step + 1) : 0;
}

uint64_t PositionSource::take(uint64_t first, int64_t* to, uint64_t room) const {
  const bool within = first < within_;
  const uint64_t count = std::min(room, (within ? within_ : count_) - std::min(first, count_));
  if (count == 0) return 0;
  if (within) {
    pass_->draw(start_ + first * step_, step_, count, to);
  } else {
    pass_->pad(start_ + first * step_, step_, count, to);
  }
  return count;
}

void bind_position_source(py::module_& module) {
  py::class_<PositionSource, std::shared_ptr<PositionSource>>(module, "PositionSource")
      .def(py::init<std::shared_ptr<PassDraws>, uint64_t, uint64_t, uint64_t, uint64_t>(), py::arg("pass_draws"),
           py::arg("start"), py::arg("step"), py::arg("count"), py::arg("draws"))
      .def(
          "take_into",
          [](const PositionSource& source, uint64_t first, uintptr_t out, uint64_t room) {
            return source.take(first, reinterpret_cast<int64_t*>(out), room);
          },
          py::arg("first"), py::arg("out"), py::arg("room"), py::call_guard<py::gil_scoped_release>());
}

}  // namespace pysampler::python
