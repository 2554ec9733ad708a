#include "python/cuda/draw.h"

#include "cuda/draw.h"
#include "python/cuda/call.h"

namespace py = pybind11;

namespace pysampler::python::cuda {
namespace {

using pysampler::cuda::DrawBody;
using pysampler::cuda::StreamState;

// Where the draws go and what they come from; all addresses are the device's.
struct Call {
  uintptr_t table;
  uint64_t items;
  uintptr_t out;
  bool is_int32;
  uint64_t count, step;
};

template <class Index>
Status draw_as(const Call& call, pysampler::cuda::Origin origin, StreamState* state, Place place) {
  DrawBody<Index> body = {};
  body.table = pointer<const AliasEntry>(call.table);
  body.items = static_cast<uint32_t>(call.items);
  body.origin = origin;
  body.state = state;
  body.step = call.step;
  body.count = call.count;
  body.out = pointer<Index>(call.out);
  return state == nullptr ? pysampler::cuda::draw(body, place) : pysampler::cuda::draw_and_advance(body, state, place);
}

Status draw_to(const Call& call, pysampler::cuda::Origin origin, StreamState* state, Place place) {
  return call.is_int32 ? draw_as<int32_t>(call, origin, state, place) : draw_as<int64_t>(call, origin, state, place);
}

void check_items(uint64_t items) {
  if (items == 0 || items > kMaxItems) throw py::value_error("a table has between 1 and 2^32 - 1 items");
}

void draw_into(uintptr_t table, uint64_t items, uintptr_t out, bool is_int32, uint64_t count, uint64_t seed,
               uint64_t epoch, uint64_t start, uint64_t step, int device, uintptr_t stream) {
  check_items(items);
  const Call call = {table, items, out, is_int32, count, step};
  on_stream(device, stream,
            [&](Place place) { return draw_to(call, {make_stream(seed, epoch), start}, nullptr, place); });
}

void draw_from_state(uintptr_t table, uint64_t items, uintptr_t out, bool is_int32, uint64_t count, uintptr_t state,
                     uint64_t step, int device, uintptr_t stream) {
  check_items(items);
  const Call call = {table, items, out, is_int32, count, step};
  on_stream(device, stream, [&](Place place) { return draw_to(call, {}, pointer<StreamState>(state), place); });
}

}  // namespace

void bind_draw(py::module_& module) {
  module.def("draw_into", &draw_into, py::arg("table"), py::arg("items"), py::arg("out"), py::arg("is_int32"),
             py::arg("count"), py::arg("seed"), py::arg("epoch"), py::arg("start"), py::arg("step"), py::arg("device"),
             py::arg("stream"));
  module.def("draw_from_state", &draw_from_state, py::arg("table"), py::arg("items"), py::arg("out"),
             py::arg("is_int32"), py::arg("count"), py::arg("state"), py::arg("step"), py::arg("device"),
             py::arg("stream"));
}

}  // namespace pysampler::python::cuda
