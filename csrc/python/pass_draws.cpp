#include "python/pass_draws.h"

#include <algorithm>

#include "cpu/draw/draw.h"
#include "cpu/permutation/permuted_range.h"
#include "python/call.h"

namespace py = pybind11;

namespace pysampler::python {

void StreamDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  direct_draw(table_->entries(), table_->items(), stream_, start, step, count, out, active_target(), {});
}

void StreamDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  direct_draw(table_->entries(), table_->items(), padding_, start, step, count, out, active_target(), {});
}

ShuffledDraws::ShuffledDraws(uint64_t items, uint64_t seed, uint64_t epoch)
    : items_(items), stream_(make_stream(seed, epoch, Tag::kPermutation)) {
  if (items == 0 || items > kMaxPermuted) throw py::value_error("between 1 and 2^62 items can be shuffled");
}

void ShuffledDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  while (count != 0) {
    const uint64_t element = start % items_;
    const uint64_t in_this_one = std::min(count, (items_ - 1 - element) / step + 1);
    permuted_range(make_permutation(stream_, start / items_, items_), element, step, in_this_one, out, active_target());
    start += in_this_one * step;
    out += in_this_one;
    count -= in_this_one;
  }
}

void ShuffledDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  draw(start, step, count, out);
}

void bind_pass_draws(py::module_& module) {
  py::class_<PassDraws, std::shared_ptr<PassDraws>>(module, "PassDraws")
      .def("draw_into",
           [](const PassDraws& draws, uintptr_t out, uint64_t count, uint64_t start, uint64_t step) {
             const py::gil_scoped_release released;
             draws.draw(start, step, count, pointer<int64_t>(out));
           },
           py::arg("out"), py::arg("count"), py::arg("start"), py::arg("step"));
  py::class_<StreamDraws, PassDraws, std::shared_ptr<StreamDraws>>(module, "StreamDraws")
      .def(py::init<std::shared_ptr<Table>, uint64_t, uint64_t>(), py::arg("table"), py::arg("seed"),
           py::arg("epoch"));
  py::class_<ShuffledDraws, PassDraws, std::shared_ptr<ShuffledDraws>>(module, "ShuffledDraws")
      .def(py::init<uint64_t, uint64_t, uint64_t>(), py::arg("items"), py::arg("seed"), py::arg("epoch"));
}

}  // namespace pysampler::python
