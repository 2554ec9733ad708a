#include "python/index_source.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace py = pybind11;

namespace pysampler::python {

PositionSource::PositionSource(std::shared_ptr<PassDraws> draws_of_pass, uint64_t start, uint64_t step, uint64_t count,
                               uint64_t draws)
    : pass_(std::move(draws_of_pass)), position_(start), step_(step) {
  constexpr uint64_t kPositions = uint64_t{1} << 63;
  if (step == 0) throw py::value_error("step must be at least 1");
  if (count != 0 && (start >= kPositions || (count - 1) > (kPositions - 1 - start) / step)) {
    throw py::value_error("positions must stay below 2^63");
  }
  within_ = start < draws ? std::min(count, (draws - 1 - start) / step + 1) : 0;
  padding_ = count - within_;
}

uint64_t PositionSource::take(int64_t* to, uint64_t room) {
  uint64_t taken = 0;
  if (within_ != 0) {
    taken = std::min(room, within_);
    pass_->draw(position_, step_, taken, to);
    within_ -= taken;
  } else if (padding_ != 0) {
    taken = std::min(room, padding_);
    pass_->pad(position_, step_, taken, to);
    padding_ -= taken;
  }
  position_ += taken * step_;
  return taken;
}

BufferSource::BufferSource(const py::buffer& buffer) : view_(buffer.request()) {
  if (view_.ndim != 1 || !view_.item_type_is_equivalent_to<int64_t>() ||
      (view_.size > 0 && view_.strides[0] != view_.itemsize)) {
    throw py::type_error("indices must be a contiguous 1-d buffer of int64");
  }
}

uint64_t BufferSource::take(int64_t* to, uint64_t room) {
  const uint64_t count = std::min(room, static_cast<uint64_t>(view_.size) - done_);
  if (count != 0) std::memcpy(to, static_cast<const int64_t*>(view_.ptr) + done_, count * sizeof(int64_t));
  done_ += count;
  return count;
}

void bind_index_sources(py::module_& module) {
  py::class_<IndexSource, std::shared_ptr<IndexSource>>(module, "IndexSource");
  py::class_<PositionSource, IndexSource, std::shared_ptr<PositionSource>>(module, "PositionSource")
      .def(py::init<std::shared_ptr<PassDraws>, uint64_t, uint64_t, uint64_t, uint64_t>(), py::arg("pass_draws"),
           py::arg("start"), py::arg("step"), py::arg("count"), py::arg("draws"));
  py::class_<BufferSource, IndexSource, std::shared_ptr<BufferSource>>(module, "BufferSource")
      .def(py::init<const py::buffer&>(), py::arg("buffer"));
}

}  // namespace pysampler::python
