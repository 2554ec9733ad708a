// Draws on the CPU from a table in one piece of memory (core/packed_table.h), as a GPU makes them: for those who want the
// same code on both. DynamicTable::draw is several times faster.
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// Whether so many words can be a packed table. Looks at the header only.
bool is_packed(const uint64_t* words, uint64_t count);

// As DynamicTable::draw of the table that was packed into `held` words; kNothingToDraw while no weight is positive.
void draw_packed(const uint64_t* words, uint64_t held, Stream stream, uint64_t start, uint64_t step, uint64_t strata,
                 uint64_t count, int64_t* out, const Execution& execution);

}  // namespace pysampler
