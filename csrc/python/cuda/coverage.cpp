#include "python/cuda/coverage.h"

#include <optional>
#include <type_traits>

#include "cuda/coverage/mark.h"
#include "python/cuda/call.h"
#include "python/describe.h"

namespace py = pybind11;

namespace pysampler::python::cuda {
namespace {

using pysampler::cuda::DeviceMarks;
using pysampler::cuda::MarkJob;
using pysampler::cuda::MarkState;

void mark_indices(uintptr_t indices, uint64_t count, bool is_int64, uintptr_t words, uintptr_t counts, uint64_t items,
                  uintptr_t scratch, int device, uintptr_t stream) {
  std::optional<IndexOutOfRange> wrong;
  on_stream(device, stream, [&](Place place) {
    const auto mark_as = [&](auto* typed) {
      using Index = std::remove_const_t<std::remove_pointer_t<decltype(typed)>>;
      const DeviceMarks marks = {items, pointer<uint64_t>(words), pointer<uint32_t>(counts)};
      const MarkJob<Index> job = {typed, count, marks, pointer<MarkState>(scratch)};
      return pysampler::cuda::mark(job, place, &wrong);
    };
    return is_int64 ? mark_as(pointer<const int64_t>(indices)) : mark_as(pointer<const int32_t>(indices));
  });
  if (wrong) throw py::index_error(describe(*wrong, items));
}

uint64_t count_bits(uintptr_t bitmap, uintptr_t other, uint64_t words, uintptr_t scratch, int device,
                    uintptr_t stream) {
  uint64_t count = 0;
  on_stream(device, stream, [&](Place place) {
    return pysampler::cuda::count_bits(pointer<const uint64_t>(bitmap), pointer<const uint64_t>(other), words,
                                       pointer<uint64_t>(scratch), place, &count);
  });
  return count;
}

}  // namespace

void bind_coverage(py::module_& module) {
  module.def("mark", &mark_indices, py::arg("indices"), py::arg("count"), py::arg("is_int64"), py::arg("words"),
             py::arg("counts"), py::arg("items"), py::arg("scratch"), py::arg("device"), py::arg("stream"));
  module.def("count_bits", &count_bits, py::arg("bitmap"), py::arg("other"), py::arg("words"), py::arg("scratch"),
             py::arg("device"), py::arg("stream"));
}

}  // namespace pysampler::python::cuda
