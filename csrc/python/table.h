// pysampler._core.Table: an alias table and whatever keeps its memory alive.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>

#include "core/alias_table.h"
#include "core/fingerprint.h"
#include "core/stream.h"
#include "core/weights.h"
#include "cpu/runtime/parallel.h"

namespace pysampler::python {

class Table {
 public:
  // Builds a table. The weights are only read during the call.
  static std::shared_ptr<Table> build(uintptr_t weights, uint64_t items, bool is_float64, int threads);

  // A table over somebody's buffer of 8-byte entries, which is kept alive and never written; over a copy if the buffer
  // is not aligned to 8 bytes. ValueError if an alias is out of range (only looked for when `check` is set: it reads
  // the whole buffer).
  static std::shared_ptr<Table> over(const pybind11::buffer& buffer, bool check, int threads);

  const AliasEntry* entries() const { return entries_; }
  uint64_t items() const { return items_; }

  // Writes `count` int64 draws to `out`; tells how they were evaluated: "direct" or "partitioned".
  std::string draw_into(uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch, uint64_t start, uint64_t step,
                        int threads, const std::string& evaluation) const;
  // The same on `execution`'s threads, for any stream; returns whether it was partitioned.
  bool draw(const Stream& stream, uint64_t start, uint64_t step, uint64_t count, int64_t* out,
            const std::string& evaluation, const Execution& execution) const;
  void masses_into(uintptr_t out) const;
  Fingerprint fingerprint(int threads) const;

 private:
  Table(std::shared_ptr<const void> owner, const AliasEntry* entries, uint64_t items)
      : owner_(std::move(owner)), entries_(entries), items_(items) {}

  std::shared_ptr<const void> owner_;
  const AliasEntry* entries_;
  uint64_t items_;
};

WeightView weight_view(uintptr_t data, uint64_t count, bool is_float64);
void bind_table(pybind11::module_& module);

}  // namespace pysampler::python
