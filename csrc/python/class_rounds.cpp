// pysampler._core.UnderSampling and MPerClassBatches: epochs that go through the items of classes in rounds.
#include "cpu/classes/class_rounds.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <utility>
#include <vector>

#include "python/call.h"
#include "python/class_table.h"
#include "python/fingerprint.h"
#include "python/pass_draws.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

UnderSampling under_sampling(const ClassItems& items, const std::vector<uint64_t>& quotas) {
  if (quotas.size() != items.classes) throw py::value_error("there must be one quota per class");
  UnderSampling sampling = {items, {}};
  uint64_t sum = 0;
  for (uint64_t c = 0; c < items.classes; ++c) {
    if (quotas[c] > 0 && items.ranges[c].size == 0) throw py::value_error("a class without items has a quota");
    if (quotas[c] > kMaxItems) throw py::value_error("quotas must be below 2^32");
    sampling.ends.push_back(sum += quotas[c]);
  }
  if (sum == 0) throw py::value_error("quotas must have a positive sum");
  return sampling;
}

MPerClassBatches m_per_class_batches(const ClassItems& items, uint64_t per_class, uint64_t classes_per_batch,
                                     uint64_t batches) {
  MPerClassBatches made = {items, {}, per_class, classes_per_batch, batches};
  for (uint64_t c = 0; c < items.classes; ++c) {
    if (items.ranges[c].size != 0) made.filled.push_back(static_cast<uint32_t>(c));
  }
  if (per_class == 0 || per_class > kMaxItems) throw py::value_error("per_class must be in [1, 2^32)");
  if (classes_per_batch == 0 || classes_per_batch > made.filled.size()) {
    throw py::value_error("a batch cannot have more classes than there are");
  }
  return made;
}

// UnderSampling or MPerClassBatches, with the members that it looks at.
template <class Rounds>
struct OverMembers {
  std::shared_ptr<Members> members;
  Rounds rounds;
};

// What an epoch of rounds shows, and goes on to show beyond its end.
template <class Rounds>
class RoundDraws final : public PassDraws {
 public:
  RoundDraws(std::shared_ptr<OverMembers<Rounds>> over, uint64_t seed, uint64_t epoch)
      : over_(std::move(over)), seed_(seed), epoch_(epoch) {}

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override {
    over_->rounds.draw(seed_, epoch_, {start, step, count}, out);
  }
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override {
    draw(start, step, count, out);
  }

 private:
  std::shared_ptr<OverMembers<Rounds>> over_;
  uint64_t seed_, epoch_;
};

// A Python class whose constructor takes the members and what else make(items, ...) takes.
template <class Rounds, class... Arguments, class... Names>
void bind_rounds(py::module_& module, const char* name, Rounds (*make)(const ClassItems&, Arguments...),
                 const Names&... names) {
  using Over = OverMembers<Rounds>;
  py::class_<Over, std::shared_ptr<Over>>(module, name)
      .def(py::init([make](std::shared_ptr<Members> members, Arguments... arguments) {
             Rounds rounds = make(members->view(), arguments...);
             return std::make_shared<Over>(Over{std::move(members), std::move(rounds)});
           }),
           py::arg("members"), names...)
      .def("fingerprint", [](const Over& over) { return to_hex(over.rounds.fingerprint()); })
      .def("pass_draws",
           [](const std::shared_ptr<Over>& over, uint64_t seed, uint64_t epoch) -> std::shared_ptr<PassDraws> {
             return std::make_shared<RoundDraws<Rounds>>(over, seed, epoch);
           },
           py::arg("seed"), py::arg("epoch"));
}

}  // namespace

void bind_class_rounds(py::module_& module) {
  bind_rounds(module, "UnderSampling", &under_sampling, py::arg("quotas"));
  bind_rounds(module, "MPerClassBatches", &m_per_class_batches, py::arg("per_class"), py::arg("classes_per_batch"),
              py::arg("batches"));
}

}  // namespace pysampler::python
