// Alias tables from weights, on the CPU.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/weights.h"
#include "cpu/runtime/parallel.h"
#include "cpu/table/weight_check.h"

namespace pysampler {

// Fills table[0, weights.count): integer masses that sum to exactly count * 2^32, zero for a zero weight, at least 1
// for a positive one, and |mass - ideal| <= 4 + ideal / 2^31 elsewhere (for count <= 2^29; 24 instead of 4 beyond),
// where ideal = weight * count * 2^32 / sum. The same table for any target and number of threads.
// Throws InvalidWeights. Needs 1 <= count <= kMaxItems. Cost, where the table's memory has been touched before: 2.2 to 3 ns
// an item with AVX-512, 3 with AVX2, 6 elsewhere; up to twice as much for weights far from each other. Scratch: 19
// bytes a block of 1024 items, 8 more where some mass is small; 120 KB a thread; and 4 bytes for each item that its own
// block cannot place (some percent; nearly all when one weight outweighs the rest), twice that at most where lists had to
// move.
void build(WeightView weights, AliasEntry* table, const Execution& execution = {});

}  // namespace pysampler
