// Bulk draws from tables far larger than the last-level cache, without a random read of main memory.
//
// The draws of a chunk are appended, by the high bits of their slots, to at most 200 buckets; each bucket is looked
// up while its slice of the table lies in the caches; then the results are read back in order. Same function, same bits as
// the direct evaluation.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/stream.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// Whether this way is the faster one for `count` consecutive draws on so many threads (thresholds measured, see the .cpp
// file).
bool partitioned_draw_pays(uint64_t items, uint64_t count, int threads);

// A region's room beyond its share of the draws, in standard deviations of that share: overflow is never seen.
constexpr double kSpareDeviations = 8;

// out[i] = the draw at position start + i. Scratch: 10.7 to 11.5 bytes a draw where this way pays, at most a quarter of
// the table (2 * items bytes) or 64 MiB, whichever is more, freed at the end. Works, if not fast, for tables of any size
// and any spare room >= 0.
// Index: int64_t, or int32_t for at most 2^31 items.
template <class Index>
void partitioned_draw(const AliasTableView& table, Stream stream, uint64_t start, uint64_t count, Index* out,
                      const Execution& execution, double spare_deviations = kSpareDeviations);

}  // namespace pysampler
