// Weighted sampling without replacement by the exponential race.
#pragma once

#include <cstdint>

#include "parallel.h"
#include "race_keys.h"

namespace pysampler {

// Writes the first `count` items to arrive, in order. Throws std::invalid_argument if fewer run.
void run_race(const Race& race, uint64_t count, int64_t* out, const Execution& execution);

}  // namespace pysampler
