// Weighted sampling without replacement by drawing with replacement and passing over what was seen before.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/stream.h"
#include "cpu/runtime/parallel.h"
#include "cpu/without_replacement/seen_bitmap.h"

namespace pysampler {

// Writes up to `count` items, new to `seen`, in the order in which independent draws from the table bring them, and
// marks them. Returns how many: `count`, or fewer once drawing no longer pays, or once `items` draws are done (at
// positions first_position ... first_position + items - 1, so that rows of a matrix never share a draw).
//
// The law is exact: the first new item after a given history is distributed over the unseen ones in proportion to their
// weights, which is successive sampling. Drawing stops at the end of the first chunk in which fewer than half of the
// draws were new. That is a stopping time: it depends on the draws so far and never on later ones. Whoever goes on with
// fresh random numbers, drawing from the unseen items in proportion to their weights, continues the same process.
// Chunks depend on `count` and `items` only, so the result is the same for any number of threads.
uint64_t draw_unseen(const AliasTableView& table, Stream stream, uint64_t first_position, uint64_t count, int64_t* out,
                     SeenBitmap* seen, const Execution& execution);

}  // namespace pysampler
