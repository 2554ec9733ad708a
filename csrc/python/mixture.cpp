#include "python/mixture.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <utility>

#include "cpu/mixture/mixture_counts.h"
#include "python/call.h"

namespace py = pybind11;

namespace pysampler::python {
namespace {

constexpr uint64_t kMaxSources = 1 << 16;

using Words = std::vector<uint64_t>;

// `whole` and `rest`: of the boundaries, one more than there are sources; the last is the end of all mass.
Intervals intervals(std::vector<uint32_t> sources, const Words& whole, const Words& rest, uint64_t points) {
  const uint64_t count = sources.size();
  if (whole.size() != rest.size() || (count != 0 && whole.size() != count + 1)) {
    throw py::value_error("there must be a boundary more than intervals");
  }
  Intervals made = {std::move(sources), {}};
  if (count == 0) return made;
  for (uint64_t i = 0; i <= count; ++i) made.begins.push_back({whole[i], rest[i]});
  const auto less = [](MassBoundary a, MassBoundary b) {
    return a.whole < b.whole || (a.whole == b.whole && a.rest < b.rest);
  };
  const bool ends = whole[0] == 0 && rest[0] == 0 && whole[count] == points && rest[count] == 0;
  if (!ends || !std::is_sorted(made.begins.begin(), made.begins.end(), less)) {
    throw py::value_error("boundaries must ascend from 0 to the number of points");
  }
  return made;
}

std::shared_ptr<MixtureStage> make_stage(const Mixture& mixture, uint64_t first_window, std::vector<uint32_t> outer,
                                         const Words& whole, const Words& rest, std::vector<uint32_t> inner,
                                         const Words& inner_whole, const Words& inner_rest, int inner_bits) {
  if (inner_bits < 0 || inner_bits > kMaxInnerBits) throw py::value_error("a group's window has at most 2^16 points");
  const uint64_t sources = mixture.sources();
  std::vector<uint32_t> all(inner);
  all.insert(all.end(), outer.begin(), outer.end());
  std::sort(all.begin(), all.end());
  const bool grouped = !all.empty() && all.back() == kGroup;
  if (grouped) all.pop_back();
  if (outer.empty() || grouped == inner.empty() || std::adjacent_find(all.begin(), all.end()) != all.end() ||
      (!all.empty() && all.back() >= sources)) {
    throw py::value_error("every source has at most one interval, and the group of small ones at least one source");
  }
  return std::make_shared<MixtureStage>(mixture_stage(
      first_window, intervals(std::move(outer), whole, rest, mixture.window()),
      intervals(std::move(inner), inner_whole, inner_rest, uint64_t{1} << inner_bits), inner_bits, sources));
}

template <class Work>
auto with_counts(const Mixture& mixture, uint64_t seed, Work work) {
  const std::shared_ptr<const MixturePlan> plan = mixture.plan();
  const py::gil_scoped_release released;
  return work(MixtureCounts(*plan, seed));
}

// The first of the windows in which the sources have the occurrences asked for, and in which the last one; kNever if
// there is none, or if one never comes. Searches only where a comparison says that the answer moves.
uint64_t first_window_of(const MixtureCounts& counts, const Words& sources, const Words& occurrences) {
  uint64_t best = MixtureCounts::kNever;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (best != MixtureCounts::kNever && counts.before(sources[i], best) <= occurrences[i]) continue;
    best = std::min(best, counts.window_of(sources[i], occurrences[i]));
  }
  return best;
}

uint64_t last_window_of(const MixtureCounts& counts, const Words& sources, const Words& occurrences) {
  uint64_t best = 0;
  for (size_t i = 0; i < sources.size() && best != MixtureCounts::kNever; ++i) {
    if (counts.before(sources[i], best + 1) > occurrences[i]) continue;
    best = std::max(best, counts.window_of(sources[i], occurrences[i]));
  }
  return best;
}

void check_numbers(const Mixture& mixture, const Words& sources, const Words& occurrences) {
  const bool known =
      std::all_of(sources.begin(), sources.end(), [&](uint64_t source) { return source < mixture.sources(); });
  if (!known || sources.size() != occurrences.size()) throw py::value_error("an occurrence for each of the sources");
}

}  // namespace

Mixture::Mixture(uint64_t window) : window_(window) {
  if (window == 0 || window > kMaxMixtureWindow) throw py::value_error("a window has between 1 and 2^24 positions");
}

void Mixture::add(MixtureSource source, std::shared_ptr<const void> owner) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (plan_ != nullptr) throw py::value_error("sources come before stages");
  if (sources_->size() == kMaxSources) throw py::value_error("a mixture has at most 2^16 sources");
  if (source.items > kMaxPermuted - items_) throw py::value_error("a mixture has at most 2^62 items");
  source.first_item = items_;
  items_ += source.items;
  owners_.push_back(std::move(owner));
  sources_->push_back(source);
}

void Mixture::add_items(uint64_t items) { add({items, 0, SourceKind::kPlain, {}, {}}, nullptr); }

void Mixture::add_table(const std::shared_ptr<Table>& table) {
  add({table->items(), 0, SourceKind::kTable, table->view(), {}}, table);
}

void Mixture::add_classes(const std::shared_ptr<ClassTable>& table, uint64_t items) {
  add({items, 0, SourceKind::kClasses, {}, table->view()}, table);
}

void Mixture::set_stages(const std::vector<std::shared_ptr<MixtureStage>>& stages) {
  if (stages.empty() || stages[0]->first_window != 0) throw py::value_error("the first stage begins at window 0");
  for (size_t i = 0; i < stages.size(); ++i) {
    if (stages[i]->interval.size() != sources_->size()) throw py::value_error("stages of another mixture");
    for (uint64_t s = 0; s < sources_->size(); ++s) {
      if (stages[i]->interval[s] != MixtureStage::kNowhere && (*sources_)[s].items == 0) {
        throw py::value_error("source " + std::to_string(s) + " has no items");
      }
    }
    if (i != 0 && stages[i]->first_window <= stages[i - 1]->first_window) {
      throw py::value_error("each stage begins later than the one before it");
    }
  }
  const auto plan = std::make_shared<MixturePlan>();
  plan->window = window_;
  plan->sources = sources_;
  plan->stages.assign(stages.begin(), stages.end());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    plan_ = plan;
  }
  version_.fetch_add(1, std::memory_order_acq_rel);
}

std::shared_ptr<const MixturePlan> Mixture::plan() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (plan_ == nullptr) throw py::value_error("a mixture without stages");
  return plan_;
}

MixtureDraws::MixtureDraws(std::shared_ptr<Mixture> mixture, uint64_t seed, uint64_t epoch, uint64_t draws)
    : mixture_(std::move(mixture)), seed_(seed), epoch_(epoch), draws_(draws) {
  mixture_->plan();
  if (draws == 0 || draws > kMaxMixturePosition || epoch > kMaxMixturePosition / draws - 1) {
    throw py::value_error("a mixture has 2^62 positions: epoch " + std::to_string(epoch) + " of " +
                          std::to_string(draws) + " draws ends beyond");
  }
}

std::unique_ptr<MixtureCursor> MixtureDraws::take_cursor() const {
  std::shared_ptr<const MixturePlan> plan = mixture_->plan();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    while (!idle_.empty()) {
      std::unique_ptr<MixtureCursor> cursor = std::move(idle_.back());
      idle_.pop_back();
      if (cursor->plan() == plan) return cursor;  // else of other stages: dropped
    }
  }
  return std::make_unique<MixtureCursor>(std::move(plan), seed_, active_target());
}

void MixtureDraws::give_back(std::unique_ptr<MixtureCursor> cursor) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < 64) idle_.push_back(std::move(cursor));
}

void MixtureDraws::check(uint64_t start, uint64_t step, uint64_t count) const {
  // Beyond the epoch the stream goes on: for `Source.draw`, whose epochs have no end.
  const uint64_t room = kMaxMixturePosition - epoch_ * draws_;
  if (count != 0 && (step == 0 || start >= room || count - 1 > (room - 1 - start) / step)) {
    throw py::value_error("a mixture has 2^62 positions");
  }
}

void MixtureDraws::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  check(start, step, count);
  std::unique_ptr<MixtureCursor> cursor = take_cursor();
  cursor->draw(epoch_ * draws_ + start, step, count, out);
  give_back(std::move(cursor));
}

void MixtureDraws::pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const {
  std::unique_ptr<MixtureCursor> cursor = take_cursor();
  cursor->pad(epoch_, epoch_ * draws_ + draws_ - 1, start, step, count, out);
  give_back(std::move(cursor));
}

void MixtureDraws::locate(uint64_t start, uint64_t step, uint64_t count, int64_t* sources,
                          int64_t* occurrences) const {
  check(start, step, count);
  std::unique_ptr<MixtureCursor> cursor = take_cursor();
  MixturePlace places[1024];
  for (uint64_t done = 0; done < count;) {
    const uint64_t together = std::min<uint64_t>(1024, count - done);
    cursor->locate(epoch_ * draws_ + start + done * step, step, together, places);
    for (uint64_t i = 0; i < together; ++i, ++done) {
      sources[done] = places[i].source;
      occurrences[done] = static_cast<int64_t>(places[i].occurrence);
    }
  }
  give_back(std::move(cursor));
}

void bind_mixture(py::module_& module) {
  py::class_<MixtureStage, std::shared_ptr<MixtureStage>>(module, "MixtureStage");
  py::class_<Mixture, std::shared_ptr<Mixture>>(module, "Mixture")
      .def(py::init<uint64_t>(), py::arg("window"))
      .def("add_items", &Mixture::add_items, py::arg("items"))
      .def("add_table", &Mixture::add_table, py::arg("table").none(false))
      .def("add_classes", &Mixture::add_classes, py::arg("table").none(false), py::arg("items"))
      .def("stage", &make_stage, py::arg("first_window"), py::arg("outer"), py::arg("whole"), py::arg("rest"),
           py::arg("inner"), py::arg("inner_whole"), py::arg("inner_rest"), py::arg("inner_bits"))
      .def("set_stages", &Mixture::set_stages, py::arg("stages"))
      .def("counts_into",
           [](const Mixture& mixture, uint64_t seed, uint64_t windows, uintptr_t out) {
             with_counts(mixture, seed, [&](const MixtureCounts& counts) {
               for (uint64_t s = 0; s < mixture.sources(); ++s) pointer<uint64_t>(out)[s] = counts.before(s, windows);
             });
           },
           py::arg("seed"), py::arg("windows"), py::arg("out"))
      .def("first_window_of",
           [](const Mixture& mixture, uint64_t seed, const Words& sources, const Words& occurrences) {
             check_numbers(mixture, sources, occurrences);
             return with_counts(mixture, seed, [&](const MixtureCounts& counts) {
               return first_window_of(counts, sources, occurrences);
             });
           },
           py::arg("seed"), py::arg("sources"), py::arg("occurrences"))
      .def("last_window_of",
           [](const Mixture& mixture, uint64_t seed, const Words& sources, const Words& occurrences) {
             check_numbers(mixture, sources, occurrences);
             return with_counts(mixture, seed, [&](const MixtureCounts& counts) {
               return last_window_of(counts, sources, occurrences);
             });
           },
           py::arg("seed"), py::arg("sources"), py::arg("occurrences"));
  py::class_<MixtureDraws, PassDraws, std::shared_ptr<MixtureDraws>>(module, "MixtureDraws")
      .def(py::init<std::shared_ptr<Mixture>, uint64_t, uint64_t, uint64_t>(), py::arg("mixture").none(false),
           py::arg("seed"), py::arg("epoch"), py::arg("draws"))
      .def("locate_into",
           [](const MixtureDraws& draws, uintptr_t sources, uintptr_t occurrences, uint64_t count, uint64_t start,
              uint64_t step) {
             const py::gil_scoped_release released;
             draws.locate(start, step, count, pointer<int64_t>(sources), pointer<int64_t>(occurrences));
           },
           py::arg("sources"), py::arg("occurrences"), py::arg("count"), py::arg("start"), py::arg("step"));
}

}  // namespace pysampler::python
