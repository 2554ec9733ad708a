// Some positions of a pass, read a chunk at a time by an iterator.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "python/pass_draws.h"

namespace pysampler::python {

// `count` positions: start, start + step, ... Those from `draws` on lie beyond the epoch and are padding.
class PositionSource {
 public:
  PositionSource(std::shared_ptr<PassDraws> pass, uint64_t start, uint64_t step, uint64_t count, uint64_t draws);

  // Writes up to `room` indices, from the `first`-th position on, and tells how many; none only beyond the last.
  uint64_t take(uint64_t first, int64_t* to, uint64_t room) const;

  // See PassDraws.
  const std::atomic<uint64_t>* version() const { return pass_->version(); }

 private:
  std::shared_ptr<PassDraws> pass_;
  uint64_t start_, step_, within_, count_;  // `within_` of the `count_` positions lie in the epoch
};

void bind_position_source(pybind11::module_& module);

}  // namespace pysampler::python
