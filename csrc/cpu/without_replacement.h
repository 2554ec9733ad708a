// (face only; being written)
#pragma once

#include <cstdint>

#include "../core/alias_table.h"
#include "../core/weights.h"
#include "parallel.h"
#include "target.h"

namespace pysampler {

struct WithoutReplacement {
  WeightView weights;
  const AliasEntry* table;  // null: no standing table
  uint64_t seed, epoch;
  uint64_t first_position;
};

void draw_without_replacement(const WithoutReplacement& request, uint64_t count, int64_t* out, Target target, const Execution& execution);

}  // namespace pysampler
