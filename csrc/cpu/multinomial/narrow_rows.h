// Draws from rows of few columns, several rows at a time and without any set-up of a row.
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "cpu/multinomial/rows.h"
#include "cpu/simd/target.h"

namespace pysampler {

// out[(row - first) * draws + j] = draw j of row `row`, at `position` + row * draws + j, for `count` rows from `first`. Those of
// few_draws.h, bit for bit. Needs columns <= kNarrowColumns and draws <= kNarrowDraws. Some 15 ns a row of ten columns.
void draw_narrow_rows(const WeightRows& rows, uint64_t first, uint64_t count, Stream stream, uint64_t position,
                      uint64_t draws, int64_t* out, Target target);

}  // namespace pysampler
