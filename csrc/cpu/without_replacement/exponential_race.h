// Weighted sampling without replacement by the exponential race.
#pragma once

#include <cstdint>

#include "cpu/runtime/parallel.h"
#include "cpu/without_replacement/race_keys.h"
#include "cpu/without_replacement/race_plan.h"

namespace pysampler {

// Writes the first `count` items to arrive, in order of arrival. The same for any target and number of threads.
// Throws std::invalid_argument if fewer run, InvalidWeights (kChangedMeanwhile) if weights were written to meanwhile so
// that fewer are found than there were.
void run_race(const Race& race, uint64_t count, int64_t* out, const Execution& execution);

// The same by a given plan. Returns false, with `out` untouched, if the plan keeps fewer than `count` items.
bool run_planned_race(const Race& race, const RacePlan& plan, uint64_t count, int64_t* out, const Execution& execution);

}  // namespace pysampler
