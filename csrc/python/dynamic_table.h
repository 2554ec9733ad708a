// pysampler._core.DynamicTable and DynamicDraws: weights that change.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "cpu/dynamic/dynamic_table.h"
#include "python/pass_draws.h"

namespace pysampler::python {

// The stream of a table as it is at each call: what is drawn at a position depends on the weights then.
class DynamicDraws final : public PassDraws {
 public:
  DynamicDraws(std::shared_ptr<DynamicTable> table, uint64_t seed, uint64_t epoch);

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out, const Execution& execution) const override;
  // Moves on with each update: what was drawn before is then out of date.
  const std::atomic<uint64_t>* version() const override { return &table_->version(); }

 private:
  std::shared_ptr<DynamicTable> table_;
  Stream stream_, padding_;
};

void bind_dynamic_table(pybind11::module_& module);

}  // namespace pysampler::python
