#include "python/position_source.h"

#include <algorithm>
#include <utility>

namespace py = pybind11;

namespace pysampler::python {

PositionSource::PositionSource(std::shared_ptr<PassDraws> pass, uint64_t start, uint64_t step, uint64_t count,
                               uint64_t draws)
    : pass_(std::move(pass)), position_(start), step_(step) {
  constexpr uint64_t kPositions = uint64_t{1} << 63;
  if (!pass_) throw py::type_error("a pass's draws are needed, not None");
  if (step == 0) throw py::value_error("step must be at least 1");
  if (count != 0 && (start >= kPositions || count - 1 > (kPositions - 1 - start) / step)) {
    throw py::value_error("positions must stay below 2^63");
  }
  within_ = start < draws ? std::min(count, (draws - 1 - start) / step + 1) : 0;
  padding_ = count - within_;
}

uint64_t PositionSource::take(int64_t* to, uint64_t room) {
  uint64_t& left = within_ != 0 ? within_ : padding_;
  const uint64_t count = std::min(room, left);
  if (count == 0) return 0;
  if (within_ != 0) {
    pass_->draw(position_, step_, count, to);
  } else {
    pass_->pad(position_, step_, count, to);
  }
  left -= count;
  position_ += count * step_;
  return count;
}

void bind_position_source(py::module_& module) {
  py::class_<PositionSource, std::shared_ptr<PositionSource>>(module, "PositionSource")
      .def(py::init<std::shared_ptr<PassDraws>, uint64_t, uint64_t, uint64_t, uint64_t>(), py::arg("pass_draws"),
           py::arg("start"), py::arg("step"), py::arg("count"), py::arg("draws"));
}

}  // namespace pysampler::python
