#include "python/index_source.h"

#include <algorithm>
#include <cstring>

#include "cpu/draw/draw.h"
#include "python/call.h"

namespace py = pybind11;

namespace pysampler::python {

StreamSource::StreamSource(std::shared_ptr<Table> table, uint64_t seed, uint64_t epoch, uint64_t start, uint64_t stop,
                           uint64_t step)
    : table_(std::move(table)), stream_(make_stream(seed, epoch)), position_(start), step_(step), left_(0) {
  if (step == 0) throw py::value_error("step must be at least 1");
  if (start < stop) left_ = (stop - start - 1) / step + 1;
}

uint64_t StreamSource::take(int64_t* to, uint64_t room) {
  const uint64_t count = std::min(room, left_);
  direct_draw(table_->entries(), table_->items(), stream_, position_, step_, count, to, active_target(), {});
  position_ += count * step_;
  left_ -= count;
  return count;
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
  py::class_<StreamSource, IndexSource, std::shared_ptr<StreamSource>>(module, "StreamSource")
      .def(py::init<std::shared_ptr<Table>, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t>(), py::arg("table"),
           py::arg("seed"), py::arg("epoch"), py::arg("start"), py::arg("stop"), py::arg("step"));
  py::class_<BufferSource, IndexSource, std::shared_ptr<BufferSource>>(module, "BufferSource")
      .def(py::init<const py::buffer&>(), py::arg("buffer"));
}

}  // namespace pysampler::python
