// pysampler._core.Table: an alias table and whatever keeps its memory alive.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>

#include "core/alias_table.h"
#include "core/positions.h"
#include "core/stream.h"
#include "core/weights.h"
#include "cpu/draw/draw.h"

namespace pysampler::python {

class Table {
 public:
  // Builds a table. The weights are only read during the call.
  static std::shared_ptr<Table> build(uintptr_t weights, uint64_t items, bool is_float64, int threads);

  // A table over somebody's buffer of 8-byte entries, which is kept alive and never written; over a copy if the buffer
  // is not aligned to 8 bytes. ValueError if an alias is out of range (only looked for when `check` is set: it reads
  // the whole buffer).
  static std::shared_ptr<Table> over(const pybind11::buffer& buffer, bool check, int threads);

  AliasTableView view() const { return view_; }
  uint64_t items() const { return view_.items; }

  // Writes `count` draws to `out`, int64 or int32.
  void draw_into(uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch, uint64_t start, uint64_t step, int threads,
                 bool is_int32) const;
  // The same by the evaluation that is named ("auto", "direct", "partitioned"); tells which it was.
  std::string draw_evaluated(uintptr_t out, uint64_t count, uint64_t seed, uint64_t epoch, uint64_t start, uint64_t step,
                             int threads, bool is_int32, const std::string& evaluation) const;
  void masses_into(uintptr_t out) const;
  std::string fingerprint(int threads) const;

 private:
  Evaluation draw(uintptr_t out, Stream stream, const Positions& positions, int threads, bool is_int32,
                  Evaluation wanted) const;
  Table(std::shared_ptr<const void> owner, AliasTableView view) : owner_(std::move(owner)), view_(view) {}

  std::shared_ptr<const void> owner_;
  AliasTableView view_;
};

WeightView weight_view(uintptr_t data, uint64_t count, bool is_float64);
void bind_table(pybind11::module_& module);

}  // namespace pysampler::python
