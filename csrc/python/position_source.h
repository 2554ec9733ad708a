// Some positions of a pass, a chunk at a time: what an iterator reads.
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

  // Writes up to `room` further indices and tells how many; none only at the end.
  uint64_t take(int64_t* to, uint64_t room);

 private:
  std::shared_ptr<PassDraws> pass_;
  uint64_t position_, step_, within_, padding_;  // how many are left within the epoch and beyond it
};

void bind_position_source(pybind11::module_& module);

}  // namespace pysampler::python
