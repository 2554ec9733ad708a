// Weighted draws with replacement on the CPU.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/positions.h"
#include "core/stream.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// Every draw by its own random read, prefetched, with no memory but `out`; or the partitioned evaluation with its scratch
// (partitioned_draw.h), for consecutive positions only; or whichever is faster.
enum class Evaluation { kAuto, kDirect, kPartitioned };

// out[i] = the draw at positions[i]. A pure function of (table, stream, position): neither the threads nor the target nor
// the way of evaluation can change a bit. Returns how it was evaluated. Needs every alias < items.
Evaluation draw(const AliasTableView& table, Stream stream, const Positions& positions, int64_t* out,
                const Execution& execution = {}, Evaluation wanted = Evaluation::kAuto);

// The same as int32, for at most 2^31 items.
Evaluation draw(const AliasTableView& table, Stream stream, const Positions& positions, int32_t* out,
                const Execution& execution = {}, Evaluation wanted = Evaluation::kAuto);

}  // namespace pysampler
