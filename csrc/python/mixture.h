// pysampler._core.Mixture: many sources with shares that follow stages.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "cpu/mixture/mixture_cursor.h"
#include "cpu/mixture/mixture_plan.h"
#include "python/class_table.h"
#include "python/pass_draws.h"
#include "python/table.h"

namespace pysampler::python {

// The sources never change once there are stages; stages do, for all running passes at once.
class Mixture {
 public:
  explicit Mixture(uint64_t window);

  void add_items(uint64_t items);
  void add_table(const std::shared_ptr<Table>& table);
  void add_classes(const std::shared_ptr<ClassTable>& table, uint64_t items);
  // The first begins at window 0, each later than the one before it.
  void set_stages(const std::vector<std::shared_ptr<MixtureStage>>& stages);

  std::shared_ptr<const MixturePlan> plan() const;
  uint64_t sources() const { return sources_->size(); }
  uint64_t window() const { return window_; }
  const std::atomic<uint64_t>& version() const { return version_; }

 private:
  void add(MixtureSource source, std::shared_ptr<const void> owner);

  const uint64_t window_;
  uint64_t items_ = 0;
  std::shared_ptr<std::vector<MixtureSource>> sources_ = std::make_shared<std::vector<MixtureSource>>();
  std::vector<std::shared_ptr<const void>> owners_;
  mutable std::mutex mutex_;  // of plan_, and of what is added before there is one
  std::shared_ptr<const MixturePlan> plan_;
  std::atomic<uint64_t> version_{0};
};

// Epoch e of k draws: positions e * k to e * k + k - 1 of the mixture's one stream.
class MixtureDraws final : public PassDraws {
 public:
  MixtureDraws(std::shared_ptr<Mixture> mixture, uint64_t seed, uint64_t epoch, uint64_t draws);

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  const std::atomic<uint64_t>* version() const override { return &mixture_->version(); }

  // sources[i] and occurrences[i]: what stands at the same positions.
  void locate(uint64_t start, uint64_t step, uint64_t count, int64_t* sources, int64_t* occurrences) const;

 private:
  // One of the cursors that no thread uses now, or a new one.
  std::unique_ptr<MixtureCursor> take_cursor() const;
  void give_back(std::unique_ptr<MixtureCursor> cursor) const;
  void check(uint64_t start, uint64_t step, uint64_t count) const;

  const std::shared_ptr<Mixture> mixture_;
  const uint64_t seed_, epoch_, draws_;
  mutable std::mutex mutex_;  // of idle_
  mutable std::vector<std::unique_ptr<MixtureCursor>> idle_;
};

void bind_mixture(pybind11::module_& module);

}  // namespace pysampler::python
