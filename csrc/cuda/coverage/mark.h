// Which items have come and how often, where indices and marks are in a GPU's memory.
#pragma once

#include <cstdint>
#include <optional>

#include "core/marks.h"
#include "cuda/coverage/mark_body.h"
#include "cuda/runtime.h"

namespace pysampler::cuda {

// Marks every index, an index that comes twice twice. If one is out of range, *wrong is the first such, and nothing is
// marked (should another stream put it there meanwhile, the others are). All memory but *wrong is the device's. Waits
// once.
using Wrong = std::optional<IndexOutOfRange>;
Status mark(const MarkJob<int64_t>& job, Place place, Wrong* wrong);
Status mark(const MarkJob<int32_t>& job, Place place, Wrong* wrong);

// Bits set in `bitmap`, or in the union of `bitmap` and `other` unless that is null. `scratch`: 8 bytes of the device's
// memory. Waits once.
Status count_bits(const uint64_t* bitmap, const uint64_t* other, uint64_t words, uint64_t* scratch, Place place,
                  uint64_t* count);

// See load_kernels (kernels.h).
Status load_mark_kernels();

}  // namespace pysampler::cuda
