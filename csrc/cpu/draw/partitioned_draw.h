// Bulk draws from tables far larger than the last-level cache, without a random read of main memory.
//
// The draws of a chunk are appended, by the high bits of their slots, to some hundred buckets; each bucket is looked up
// while its slice of the table lies in the caches; then the results are read back in order. Same function, same bits as
// the direct evaluation.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/stream.h"
#include "cpu/runtime/parallel.h"
#include "cpu/simd/target.h"

namespace pysampler {

// Whether this way is the faster one for `count` consecutive draws (thresholds measured, see the .cpp file).
bool partitioned_draw_pays(uint64_t items, uint64_t count);

// out[i] = the draw at position start + i. Scratch: about 10.5 bytes a draw, at most a quarter of the table (2 * items
// bytes) or 64 MiB, whichever is more, freed at the end. Works, if not fast, for tables of any size.
void partitioned_draw(const AliasEntry* table, uint64_t items, Stream stream, uint64_t start, uint64_t count,
                      int64_t* out, Target target, const Execution& execution);

}  // namespace pysampler
