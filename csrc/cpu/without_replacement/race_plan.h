// How a race is run: up to which key items are kept, and how their keys become codes.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/runtime/parallel.h"
#include "cpu/without_replacement/key_codes.h"
#include "cpu/without_replacement/race_keys.h"

namespace pysampler {

// Nothing here can change a result: a plan decides how much work is done, and whether another plan is needed.
struct RacePlan {
  uint64_t limit;     // items with larger keys are dropped; kLargestKey: none that runs is
  uint64_t expected;  // about how many are kept
  KeyCodes codes;
};

// The items whose keys stand for all: one from each of equal stretches, at a place that depends on nothing but
// `items`. At most 32768.
std::vector<uint32_t> sampled_items(uint64_t items);

// A plan that keeps the first `count` to arrive and some more. It falls short with a probability of about 10^-6, and
// for weights that single out the sampled items.
RacePlan plan_by_sample(const Race& race, uint64_t count);

// A plan that cannot fall short, at the cost of computing all keys. Throws std::invalid_argument if fewer items run.
RacePlan plan_by_histogram(const Race& race, uint64_t count, const Execution& execution);

}  // namespace pysampler
