// Weighted draws with replacement on the CPU.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/stream.h"
#include "cpu/runtime/parallel.h"
#include "cpu/simd/target.h"

namespace pysampler {

// out[i] = the draw at position start + i * step, for i in [0, count). A pure function of (table, stream, position):
// neither the threads nor the target nor the way of evaluation can change a bit.
// Needs start + (count - 1) * step < 2^63 and every alias < items.
//
// Every draw by its own random read, prefetched. No memory but `out`.
void direct_draw(const AliasEntry* table, uint64_t items, Stream stream, uint64_t start, uint64_t step, uint64_t count,
                 int64_t* out, Target target, const Execution& execution);

// The same, or the partitioned evaluation with its scratch (partitioned_draw.h) where that is faster.
void draw(const AliasEntry* table, uint64_t items, Stream stream, uint64_t start, uint64_t step, uint64_t count,
          int64_t* out, Target target, const Execution& execution);

}  // namespace pysampler
