// pysampler._core.MassTable and SystematicDraws: systematic sampling.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include "cpu/systematic/mass_table.h"
#include "cpu/systematic/systematic_pass.h"
#include "python/pass_draws.h"

namespace pysampler::python {

// One epoch of systematic draws from a mass table.
class SystematicDraws final : public PassDraws {
 public:
  SystematicDraws(std::shared_ptr<const MassTable> table, uint64_t seed, uint64_t epoch, uint64_t draws,
                  uint64_t batch);

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;

  void draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                const Execution& execution) const override;

 private:
  // ValueError if a position lies beyond the epoch, where there are no points.
  void check(uint64_t start, uint64_t step, uint64_t count) const;

  uint64_t draws_;
  SystematicPass pass_;
};

void bind_systematic(pybind11::module_& module);

}  // namespace pysampler::python
