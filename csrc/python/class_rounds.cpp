// pysampler._core.UndersampledClasses and BatchedClasses: epochs that go through the items of classes in rounds.
#include "cpu/classes/class_rounds.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <utility>
#include <vector>

#include "core/fingerprint.h"
#include "cpu/runtime/stretches.h"
#include "python/call.h"
#include "python/class_table.h"
#include "python/pass_draws.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

// What an epoch of `Rounds` (Undersampling, PerClassBatches) shows, and goes on to show beyond its end.
template <class Rounds>
class RoundDraws final : public PassDraws {
 public:
  RoundDraws(std::shared_ptr<Rounds> rounds, uint64_t seed, uint64_t epoch)
      : rounds_(std::move(rounds)), seed_(seed), epoch_(epoch) {}

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override {
    rounds_->draw(seed_, epoch_, start, step, count, out);
  }
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override {
    draw(start, step, count, out);
  }

 private:
  std::shared_ptr<Rounds> rounds_;
  uint64_t seed_, epoch_;
};

class UndersampledClasses {
 public:
  UndersampledClasses(std::shared_ptr<Members> members, const std::vector<uint64_t>& quotas)
      : members_(std::move(members)), sampling_{members_->view(), {}} {
    const ClassItems items = members_->view();
    if (quotas.size() != items.classes) throw py::value_error("there must be one quota per class");
    uint64_t sum = 0;
    for (uint64_t c = 0; c < items.classes; ++c) {
      if (quotas[c] > 0 && items.ranges[c].size == 0) throw py::value_error("a class without items has a quota");
      if (quotas[c] > kMaxItems) throw py::value_error("quotas must be below 2^32");
      sampling_.ends.push_back(sum += quotas[c]);
    }
    if (sum == 0) throw py::value_error("quotas must have a positive sum");
  }

  void draw(uint64_t seed, uint64_t epoch, uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
    undersampled_draw(sampling_, seed, epoch, start, step, count, out, active_target());
  }

  Fingerprint fingerprint() const {  // of the numbers alone, without the members
    Fingerprint sum = {0, 0};
    for (uint64_t c = 0; c < sampling_.ends.size(); ++c) sum = add(sum, fingerprint_of(sampling_.ends[c], c));
    return finish(sum, sampling_.ends.size());
  }

 private:
  std::shared_ptr<Members> members_;
  Undersampling sampling_;
};

class BatchedClasses {
 public:
  BatchedClasses(std::shared_ptr<Members> members, uint64_t per_class, uint64_t classes_per_batch, uint64_t batches)
      : members_(std::move(members)), batches_{members_->view(), {}, per_class, classes_per_batch, batches} {
    const ClassItems items = members_->view();
    for (uint64_t c = 0; c < items.classes; ++c) {
      if (items.ranges[c].size != 0) batches_.filled.push_back(static_cast<uint32_t>(c));
    }
    if (per_class == 0 || per_class > kMaxItems) throw py::value_error("per_class must be in [1, 2^32)");
    if (classes_per_batch == 0 || classes_per_batch > batches_.filled.size()) {
      throw py::value_error("a batch cannot have more classes than there are");
    }
  }

  void draw(uint64_t seed, uint64_t epoch, uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
    per_class_draw(batches_, seed, epoch, start, step, count, out);
  }

  Fingerprint fingerprint() const {  // of the numbers alone, without the members
    const uint64_t numbers[] = {batches_.per_class, batches_.classes_per_batch, batches_.batches_per_epoch};
    Fingerprint sum = {0, 0};
    for (uint64_t i = 0; i < 3; ++i) sum = add(sum, fingerprint_of(numbers[i], i));
    return finish(sum, 0);
  }

 private:
  std::shared_ptr<Members> members_;
  PerClassBatches batches_;
};

// `name`: a class of rounds whose constructor takes `Arguments`.
template <class Rounds, class... Arguments, class... Names>
void bind_rounds(py::module_& module, const char* name, const Names&... names) {
  py::class_<Rounds, std::shared_ptr<Rounds>>(module, name)
      .def(py::init<Arguments...>(), names...)
      .def("draw_into",
           [](const Rounds& rounds, uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch, uint64_t start,
              uint64_t step, int threads) {
             without_gil(threads, [&](const Execution& execution) {
               for_each_stretch(count, execution, [&](uint64_t first, uint64_t n) {
                 rounds.draw(seed, epoch, start + first * step, step, n, pointer<int64_t>(out) + first);
               });
             });
           },
           py::arg("out"), py::arg("count"), py::arg("seed"), py::arg("epoch"), py::arg("start"), py::arg("step"),
           py::arg("threads"))
      .def("fingerprint",
           [](const Rounds& rounds) {
             const Fingerprint value = rounds.fingerprint();
             return py::make_tuple(value.low, value.high);
           })
      .def("pass_draws",
           [](const std::shared_ptr<Rounds>& rounds, uint64_t seed, uint64_t epoch) -> std::shared_ptr<PassDraws> {
             return std::make_shared<RoundDraws<Rounds>>(rounds, seed, epoch);
           },
           py::arg("seed"), py::arg("epoch"));
}

}  // namespace

void bind_class_rounds(py::module_& module) {
  bind_rounds<UndersampledClasses, std::shared_ptr<Members>, const std::vector<uint64_t>&>(
      module, "UndersampledClasses", py::arg("members"), py::arg("quotas"));
  bind_rounds<BatchedClasses, std::shared_ptr<Members>, uint64_t, uint64_t, uint64_t>(
      module, "BatchedClasses", py::arg("members"), py::arg("per_class"), py::arg("classes_per_batch"),
      py::arg("batches"));
}

}  // namespace pysampler::python
