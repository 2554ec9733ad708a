#include "python/cuda/dynamic.h"

#include "cuda/dynamic/dynamic.h"
#include "python/cuda/call.h"

namespace py = pybind11;

namespace pysampler::python::cuda {
namespace {

using pysampler::cuda::DrawPacked;
using pysampler::cuda::Origin;
using pysampler::cuda::StreamState;
using pysampler::cuda::UpdateJob;
using pysampler::cuda::UpdateState;
using pysampler::cuda::Verdict;

WeightType type_named(bool is_float64) { return is_float64 ? WeightType::kFloat64 : WeightType::kFloat32; }

void check_address(uintptr_t table) {
  if (table % 16 != 0) throw py::value_error("a table must begin at a multiple of 16");
}

const char* name_of(Verdict verdict) {
  return verdict == Verdict::kDone ? "done" : verdict == Verdict::kRefused ? "refused" : "new scale";
}

// What became of it, and the table's items, total, positive weights, scale and the sum that its fingerprint is made of.
py::tuple dynamic_update(uintptr_t table, uintptr_t claims, uintptr_t indices, uint64_t first, uintptr_t weights,
                         bool is_float64, uint64_t count, uint64_t items, uintptr_t scratch, int device,
                         uintptr_t stream) {
  check_address(table);
  check_address(scratch);
  if (count == 0 || count > kMaxItems) throw py::value_error("a batch has between 1 and 2^32 - 1 updates");
  UpdateJob job = {};
  job.words = pointer<uint64_t>(table);
  job.claims = pointer<uint32_t>(claims);
  job.indices = pointer<const int64_t>(indices);
  job.first = first;
  job.weights = pointer<const void>(weights);
  job.count = count;
  job.items = items;
  UpdateState outcome = {};
  on_stream(device, stream, [&](Place place) {
    return pysampler::cuda::update(job, type_named(is_float64), pointer<void>(scratch), place, &outcome);
  });
  const PackedHeader& now = outcome.header;
  return py::make_tuple(name_of(outcome.verdict), now.items, now.total, now.positive, now.scale, now.sum.low,
                        now.sum.high);
}

template <class Index>
Status draw_as(DrawPacked<Index> body, uintptr_t out, StreamState* state, Place place) {
  body.state = state;
  body.out = pointer<Index>(out);
  return pysampler::cuda::draw(body, state, place);
}

// With a state, from where that says, and it is moved on.
void dynamic_draw(uintptr_t table, uint64_t held, uintptr_t out, bool is_int32, uint64_t count, uint64_t seed,
                  uint64_t epoch, uint64_t start, uint64_t step, uint64_t strata, uintptr_t state, int device,
                  uintptr_t stream) {
  check_address(table);
  const auto* const words = pointer<const uint64_t>(table);
  const Origin origin = {make_stream(seed, epoch), start};
  on_stream(device, stream, [&](Place place) {
    auto* const from = pointer<StreamState>(state);
    if (is_int32) {
      return draw_as(DrawPacked<int32_t>{words, held, origin, nullptr, step, strata, count, nullptr}, out, from, place);
    }
    return draw_as(DrawPacked<int64_t>{words, held, origin, nullptr, step, strata, count, nullptr}, out, from, place);
  });
}

void dynamic_masses(uintptr_t table, uintptr_t weights, bool is_float64, uint64_t count, uintptr_t out, int device,
                    uintptr_t stream) {
  check_address(table);
  on_stream(device, stream, [&](Place place) {
    return pysampler::cuda::masses(pointer<const uint64_t>(table), pointer<const void>(weights),
                                   type_named(is_float64), count, pointer<uint64_t>(out), place);
  });
}

}  // namespace

void bind_dynamic(py::module_& module) {
  module.def("dynamic_scratch_bytes",
             [](uint64_t count, bool is_float64) {
               return pysampler::cuda::update_scratch_bytes(count, type_named(is_float64));
             },
             py::arg("count"), py::arg("is_float64"));
  module.def("dynamic_update", &dynamic_update, py::arg("table"), py::arg("claims"), py::arg("indices"),
             py::arg("first"), py::arg("weights"), py::arg("is_float64"), py::arg("count"), py::arg("items"),
             py::arg("scratch"), py::arg("device"), py::arg("stream"));
  module.def("dynamic_draw", &dynamic_draw, py::arg("table"), py::arg("held"), py::arg("out"), py::arg("is_int32"),
             py::arg("count"), py::arg("seed"), py::arg("epoch"), py::arg("start"), py::arg("step"), py::arg("strata"), py::arg("state"),
             py::arg("device"), py::arg("stream"));
  module.def("dynamic_masses", &dynamic_masses, py::arg("table"), py::arg("weights"), py::arg("is_float64"),
             py::arg("count"), py::arg("out"), py::arg("device"), py::arg("stream"));
}

}  // namespace pysampler::python::cuda
