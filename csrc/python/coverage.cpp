#include "python/coverage.h"

#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpu/coverage/count_bits.h"
#include "cpu/coverage/mark.h"
#include "cpu/coverage/redraw.h"
#include "python/call.h"
#include "python/pass_draws.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

using Epochs = std::vector<std::shared_ptr<PassDraws>>;

void mark_indices(uintptr_t indices, uint64_t count, bool is_int64, uintptr_t words, uintptr_t counts, uint64_t items,
                  int threads) {
  try {
    without_gil(threads, [&](const Execution& execution) {
      mark({pointer<const void>(indices), count, is_int64},
           {items, pointer<uint64_t>(words), pointer<uint16_t>(counts)}, execution);
    });
  } catch (const IndexOutOfRange& error) {
    throw py::index_error(describe(error, items));
  }
}

Redraw redraw_of(const Epochs& epochs, uint64_t start, uint64_t count) {
  Redraw redraw = {{}, start, count};
  for (const std::shared_ptr<PassDraws>& draws : epochs) {
    redraw.epochs.emplace_back([draws](uint64_t first, uint64_t chunk, int64_t* out) {
      draws->draw(first, 1, chunk, out);
    });
  }
  return redraw;
}

[[noreturn]] void raise_foreign_draw(const IndexOutOfRange& error, uint64_t items) {
  throw py::value_error("position " + std::to_string(error.place) + " draws " + std::to_string(error.index) +
                        ", which is none of the " + std::to_string(items) +
                        " items: the table's memory was changed after it was checked");
}

void mark_draws_of(const Epochs& epochs, uint64_t start, uint64_t count, uintptr_t words, uintptr_t counts,
                   uint64_t items, int threads) {
  const Redraw redraw = redraw_of(epochs, start, count);
  try {
    without_gil(threads, [&](const Execution& execution) {
      mark_draws(redraw, {items, pointer<uint64_t>(words), pointer<uint16_t>(counts)}, execution);
    });
  } catch (const IndexOutOfRange& error) {
    raise_foreign_draw(error, items);
  }
}

// (epoch, position, item) triples, one after another.
py::bytes find_draws_of(const Epochs& epochs, uint64_t start, uint64_t count, uintptr_t wanted, uint64_t items,
                        int threads) {
  static_assert(sizeof(Sighting) == 3 * sizeof(int64_t), "three words each");
  const Redraw redraw = redraw_of(epochs, start, count);
  try {
    const std::vector<Sighting> found = without_gil(threads, [&](const Execution& execution) {
      return find_draws(redraw, pointer<const uint64_t>(wanted), items, execution);
    });
    return py::bytes(reinterpret_cast<const char*>(found.data()), found.size() * sizeof(Sighting));
  } catch (const IndexOutOfRange& error) {
    raise_foreign_draw(error, items);
  }
}

uint64_t count_bits_of(uintptr_t bitmap, uintptr_t other, uint64_t words, int threads) {
  return without_gil(threads, [&](const Execution& execution) {
    return count_bits(pointer<const uint64_t>(bitmap), pointer<const uint64_t>(other), words, execution);
  });
}

}  // namespace

void bind_coverage(py::module_& module) {
  module.def("mark", &mark_indices, py::arg("indices"), py::arg("count"), py::arg("is_int64"), py::arg("words"),
             py::arg("counts"), py::arg("items"), py::arg("threads"));
  module.def("mark_draws", &mark_draws_of, py::arg("epochs"), py::arg("start"), py::arg("count"), py::arg("words"),
             py::arg("counts"), py::arg("items"), py::arg("threads"));
  module.def("find_draws", &find_draws_of, py::arg("epochs"), py::arg("start"), py::arg("count"), py::arg("wanted"),
             py::arg("items"), py::arg("threads"));
  module.def("count_bits", &count_bits_of, py::arg("bitmap"), py::arg("other"), py::arg("words"), py::arg("threads"));
}

}  // namespace pysampler::python
