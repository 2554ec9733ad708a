// Keys of the exponential race, block by block.
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "core/weights.h"
#include "cpu/runtime/parallel.h"
#include "cpu/simd/target.h"

namespace pysampler {

// Who runs, and with which random words: item i has the word at position first_position + i of `stream`.
struct Race {
  WeightView weights;
  double scale;  // of race_scale_of
  Stream stream;
  uint64_t first_position;
  const uint64_t* seen;  // one bit per item: those whose bit is set do not run. Null: all run
  Target target;
};

constexpr uint64_t kRaceBlock = 512;  // items per call: all the scratch stays in the first-level cache

// The factor that brings these weights into the range of the keys: a power of two, 1 for float32.
double race_scale_of(WeightView weights, const Execution& execution);

// keys[i] = the key of item begin + i, for i in [0, count), count <= kRaceBlock; kDoesNotRun or
// another one above kLargestKey for items that do not run.
void race_keys(const Race& race, uint64_t begin, uint64_t count, uint64_t* keys);

// The same for the items that can have a key <= limit, and only few others: their offsets from `begin`, ascending,
// and their keys. Returns how many. Much cheaper than race_keys where that is a small part.
uint64_t race_keys_up_to(const Race& race, uint64_t begin, uint64_t count, uint64_t limit, uint32_t* offsets,
                         uint64_t* keys);

// keys[i] = the key of items[i], for any count.
void race_keys_at(const Race& race, const uint32_t* items, uint64_t count, uint64_t* keys);

}  // namespace pysampler
