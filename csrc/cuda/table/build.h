// Alias tables from weights, on a GPU: the very tables that the CPU builds.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/weights.h"
#include "cuda/runtime.h"
#include "cuda/table/build_job.h"

namespace pysampler::cuda {

// Fills table[0, weights.count) and says in *outcome whether it could. All memory but *outcome is the device's; table
// and scratch, build_scratch_bytes(weights.count) bytes, begin at multiples of 16. Queues on place's stream and then
// waits for it, once. Needs 1 <= count <= kMaxItems.
//
// Traffic: two passes over the weights (three where items are small, one more for float64 beyond 2^+-450) and one over
// the table; 20 bytes more for each item that is left over.
Status build(WeightView weights, AliasEntry* table, void* scratch, Place place, BuildOutcome* outcome);

// See load_kernels (kernels.h).
Status load_build_kernels();

}  // namespace pysampler::cuda
