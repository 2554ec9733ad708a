// pysampler._core.DynamicTable and DynamicDraws: weights that change.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "cpu/dynamic/dynamic_table.h"
#include "python/pass_draws.h"

namespace pysampler::python {

// Which version of a table the positions of a pass were drawn from: from a place on, up to the next place. What is
// drawn again, because weights have changed since, takes the place of what was read ahead.
class DrawRecord {
 public:
  struct Stretch {
    uint64_t position;  // over all ranks
    int64_t version;    // negative for what came before the table was loaded
  };
  void note(uint64_t position, int64_t version);
  std::vector<Stretch> stretches() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Stretch> stretches_;  // positions ascend
};

// What a table is asked for, with the errors of a dynamic table. The GIL is released before a table's lock is waited for,
// so that whoever holds that lock can take the GIL to look for signals. `threads` of the execution and a look at signals
// only for calls that take long enough.
void draw_dynamic(const DynamicTable& table, Stream stream, uint64_t start, uint64_t step, uint64_t strata,
                  uint64_t count, int64_t* out, int threads);
void update_dynamic(DynamicTable& table, const int64_t* indices, const void* weights, uint64_t count, int threads);

// The stream of a table as it is at each call: what is drawn at a position depends on the weights then. With a record,
// calls are noted in it, of a rank that takes every so many-th position from its own number on.
class DynamicDraws final : public PassDraws {
 public:
  DynamicDraws(std::shared_ptr<DynamicTable> table, uint64_t seed, uint64_t epoch, std::shared_ptr<DrawRecord> record,
               uint64_t rank);

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out, const Execution& execution) const override;
  // Moves on with each update: what was drawn before is then out of date.
  const std::atomic<uint64_t>* version() const override { return &table_->version(); }

 private:
  uint64_t draw_from(Stream stream, uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                     const Execution& execution) const;

  std::shared_ptr<DynamicTable> table_;
  Stream stream_, padding_;
  std::shared_ptr<DrawRecord> record_;  // may be null
  uint64_t rank_;
};

void bind_dynamic_table(pybind11::module_& module);

}  // namespace pysampler::python
