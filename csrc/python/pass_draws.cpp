#include "python/pass_draws.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/permutation.h"
#include "cpu/draw/draw.h"
#include "cpu/permutation/successive_orders.h"
#include "cpu/runtime/stretches.h"
#include "python/call.h"

namespace py = pybind11;

namespace pysampler::python {

void PassDraws::draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                         const Execution& execution) const {
  for_each_stretch(count, execution,
                   [&](uint64_t first, uint64_t n) { draw(start + first * step, step, n, out + first); });
}

void PassDraws::draw_all_int32(uint64_t start, uint64_t step, uint64_t count, int32_t* out,
                               const Execution& execution) const {
  // By way of the caches near the core. Not less at a time: some sources take a while to find their place.
  constexpr uint64_t kTogether = uint64_t{1} << 15;
  for_each_stretch(count, execution, [&](uint64_t first, uint64_t n) {
    std::vector<int64_t> some(std::min(n, kTogether));
    for (uint64_t done = 0; done < n; done += some.size()) {
      const uint64_t together = std::min<uint64_t>(some.size(), n - done);
      draw(start + (first + done) * step, step, together, some.data());
      std::transform(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(together), out + first + done,
                     [](int64_t index) { return static_cast<int32_t>(index); });
    }
  });
}

void StreamDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  pysampler::draw(table_->view(), stream_, {start, step, count}, out, {}, Evaluation::kDirect);
}

void StreamDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  pysampler::draw(table_->view(), padding_, {start, step, count}, out, {}, Evaluation::kDirect);
}

void StreamDraws::draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                           const Execution& execution) const {
  pysampler::draw(table_->view(), stream_, {start, step, count}, out, execution);
}

void StreamDraws::draw_all_int32(uint64_t start, uint64_t step, uint64_t count, int32_t* out,
                                 const Execution& execution) const {
  pysampler::draw(table_->view(), stream_, {start, step, count}, out, execution);
}

ShuffledDraws::ShuffledDraws(uint64_t items, uint64_t seed, uint64_t epoch)
    : items_(items), stream_(make_stream(seed, epoch, Tag::kPermutation)) {
  if (items == 0 || items > kMaxPermuted) throw py::value_error("between 1 and 2^62 items can be shuffled");
}

void ShuffledDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  successive_orders(stream_, items_, {start, step, count}, out, active_target());
}

void ShuffledDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  draw(start, step, count, out);
}

BufferDraws::BufferDraws(const py::buffer& buffer, std::shared_ptr<PassDraws> padding)
    : view_(buffer.request()), padding_(std::move(padding)) {
  if (view_.ndim != 1 || !view_.item_type_is_equivalent_to<int64_t>() ||
      (view_.size > 0 && view_.strides[0] != view_.itemsize)) {
    throw py::type_error("indices must be a contiguous 1-d buffer of int64");
  }
  if (!padding_) throw py::type_error("draws for padding are needed, not None");
}

void BufferDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  const auto size = static_cast<uint64_t>(view_.size);
  if (count != 0 && (start >= size || count - 1 > (size - 1 - start) / step)) throw py::index_error("no such position");
  const auto* indices = static_cast<const int64_t*>(view_.ptr);
  for (uint64_t i = 0; i < count; ++i) out[i] = indices[start + i * step];
}

void BufferDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  padding_->pad(start, step, count, out);
}

namespace {

void copy_indices(const py::object& drawn, uint64_t count, int64_t* out) {
  const py::buffer_info view = py::cast<py::buffer>(drawn).request();
  if (view.ndim != 1 || static_cast<uint64_t>(view.size) != count || !view.item_type_is_equivalent_to<int64_t>() ||
      (count > 1 && view.strides[0] != view.itemsize)) {
    throw py::type_error("draws must be a contiguous buffer of " + std::to_string(count) + " int64");
  }
  std::copy_n(static_cast<const int64_t*>(view.ptr), count, out);
}

}  // namespace

void CallbackDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  const py::gil_scoped_acquire gil;
  copy_indices(draw_(start, step, count), count, out);
}

void CallbackDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  const py::gil_scoped_acquire gil;
  copy_indices(pad_(start, step, count), count, out);
}

void bind_pass_draws(py::module_& module) {
  module.attr("PERMUTATION_VERSION") = kPermutationVersion;
  py::class_<Version, std::shared_ptr<Version>>(module, "Version")
      .def(py::init<>())
      .def("advance", [](Version& version) { version.number.fetch_add(1, std::memory_order_acq_rel); })
      .def_property_readonly("number", [](const Version& version) { return version.number.load(); })
      .def("__reduce__", [](const py::object& self) { return py::make_tuple(py::type::of(self), py::tuple()); });
  py::class_<PassDraws, std::shared_ptr<PassDraws>>(module, "PassDraws")
      .def("draw_into",
           [](const PassDraws& draws, uintptr_t out, uint64_t count, uint64_t start, uint64_t step, int threads,
              bool is_int32) {
             without_gil(threads, [&](const Execution& execution) {
               if (is_int32) return draws.draw_all_int32(start, step, count, pointer<int32_t>(out), execution);
               draws.draw_all(start, step, count, pointer<int64_t>(out), execution);
             });
           },
           py::arg("out"), py::arg("count"), py::arg("start"), py::arg("step"), py::arg("threads") = 1,
           py::arg("is_int32") = false);
  py::class_<CallbackDraws, PassDraws, std::shared_ptr<CallbackDraws>>(module, "CallbackDraws")
      .def(py::init<py::function, py::function, std::shared_ptr<Version>>(), py::arg("draw"), py::arg("pad"),
           py::arg("version").none(true));
  py::class_<StreamDraws, PassDraws, std::shared_ptr<StreamDraws>>(module, "StreamDraws")
      .def(py::init<std::shared_ptr<Table>, uint64_t, uint64_t>(), py::arg("table"), py::arg("seed"),
           py::arg("epoch"));
  py::class_<BufferDraws, PassDraws, std::shared_ptr<BufferDraws>>(module, "BufferDraws")
      .def(py::init<const py::buffer&, std::shared_ptr<PassDraws>>(), py::arg("buffer"), py::arg("padding"));
  py::class_<ShuffledDraws, PassDraws, std::shared_ptr<ShuffledDraws>>(module, "ShuffledDraws")
      .def(py::init<uint64_t, uint64_t, uint64_t>(), py::arg("items"), py::arg("seed"), py::arg("epoch"));
}

}  // namespace pysampler::python
