// Where an iterator's indices come from, a chunk at a time.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "python/pass_draws.h"

namespace pysampler::python {

class IndexSource {
 public:
  virtual ~IndexSource() = default;
  // Writes up to `room` further indices; none only at the end. Called with the GIL held.
  virtual uint64_t take(int64_t* to, uint64_t room) = 0;
};

// `count` positions of a pass: start, start + step, ... Those from `draws` on lie beyond the epoch and are padding.
class PositionSource final : public IndexSource {
 public:
  PositionSource(std::shared_ptr<PassDraws> draws_of_pass, uint64_t start, uint64_t step, uint64_t count,
                 uint64_t draws);
  uint64_t take(int64_t* to, uint64_t room) override;

 private:
  std::shared_ptr<PassDraws> pass_;
  uint64_t position_, step_, within_, padding_;  // how many are left within the epoch and beyond it
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
