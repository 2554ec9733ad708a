// Where an iterator's indices come from, a chunk at a time.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "core/stream.h"
#include "python/table.h"

namespace pysampler::python {

class IndexSource {
 public:
  virtual ~IndexSource() = default;
  // Writes up to `room` further indices; fewer only at the end. Called with the GIL held.
  virtual uint64_t take(int64_t* to, uint64_t room) = 0;
};

// Positions start, start + step, ... below stop of a table's stream.
class StreamSource final : public IndexSource {
 public:
  StreamSource(std::shared_ptr<Table> table, uint64_t seed, uint64_t epoch, uint64_t start, uint64_t stop,
               uint64_t step);
  uint64_t take(int64_t* to, uint64_t room) override;

 private:
  std::shared_ptr<Table> table_;
  Stream stream_;
  uint64_t position_, step_, left_;
};

// Ready indices: a buffer of int64, kept alive.
class BufferSource final : public IndexSource {
 public:
  explicit BufferSource(const pybind11::buffer& buffer);
  uint64_t take(int64_t* to, uint64_t room) override;

 private:
  pybind11::buffer_info view_;
  uint64_t done_ = 0;
};

void bind_index_sources(pybind11::module_& module);

}  // namespace pysampler::python
