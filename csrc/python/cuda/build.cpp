#include "python/cuda/build.h"

#include "core/alias_table.h"
#include "core/weights.h"
#include "cuda/table/build.h"
#include "python/cuda/call.h"
#include "python/describe.h"

namespace py = pybind11;

namespace pysampler::python::cuda {
namespace {

using pysampler::cuda::BuildOutcome;

void check_items(uint64_t items) {
  if (items == 0 || items > kMaxItems) throw py::value_error("a table has between 1 and 2^32 - 1 items");
}

uint64_t scratch_bytes(uint64_t items) {
  check_items(items);
  return pysampler::cuda::build_scratch_bytes(items);
}

void build_table(uintptr_t weights, uint64_t items, bool is_float64, uintptr_t table, uintptr_t scratch, int device,
                 uintptr_t stream) {
  check_items(items);
  if (table % 16 != 0 || scratch % 16 != 0) throw py::value_error("table and scratch must begin at multiples of 16");
  const WeightView view = {pointer<const void>(weights), items,
                           is_float64 ? WeightType::kFloat64 : WeightType::kFloat32};
  BuildOutcome outcome = {};
  on_stream(device, stream, [&](Place place) {
    return pysampler::cuda::build(view, pointer<AliasEntry>(table), pointer<void>(scratch), place, &outcome);
  });
  if (outcome.is_good()) return;
  const InvalidWeights changed = {InvalidWeights::Reason::kChangedMeanwhile};
  throw py::value_error(describe(outcome.failed != 0 ? outcome.invalid : changed));
}

}  // namespace

void bind_build(py::module_& module) {
  module.def("build_scratch_bytes", &scratch_bytes, py::arg("items"));
  module.def("build_table", &build_table, py::arg("weights"), py::arg("items"), py::arg("is_float64"),
             py::arg("table"), py::arg("scratch"), py::arg("device"), py::arg("stream"));
}

}  // namespace pysampler::python::cuda
