// What the blocks of a table could not place among themselves, and its placement: the same merge of lights and heavies, over
// all blocks, in parallel.
#pragma once

#include <cstdint>
#include <vector>

#include "../core/alias_table.h"
#include "parallel.h"

namespace pysampler {

struct Light {
  uint32_t item;
  uint32_t mass;  // below a slot's
};

struct Heavy {
  uint64_t excess;  // mass beyond a slot's, > 0
  uint32_t item;
};

// The leftovers of some neighbouring blocks.
struct Leftovers {
  std::vector<Light> lights;
  std::vector<Heavy> heavies;
};

// Fills the slots of all leftovers. Over all segments, the lights' deficits must equal the heavies' excesses; false if they do
// not (the weights changed while they were read).
bool place_leftovers(const std::vector<Leftovers>& segments, AliasEntry* table, const Execution& execution);

}  // namespace pysampler
