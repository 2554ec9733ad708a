#include "cpu/multinomial/narrow_rows.h"

#include <algorithm>

#include "cpu/multinomial/few_draws.h"
#include "cpu/multinomial/row_kernels.h"
#include "cpu/multinomial/ways.h"

namespace pysampler {

void draw_narrow_rows(const WeightRows& rows, uint64_t first, uint64_t count, Stream stream, uint64_t position,
                      uint64_t draws, int64_t* out, Target target) {
  const RowKernels& kernels = row_kernels(target);
  constexpr uint64_t kWords = kRowsTogether * kNarrowDraws;
  alignas(64) uint64_t words[kWords + 48];
  const uint64_t per_fill = kWords / (kRowsTogether * draws) * kRowsTogether;  // rows
  for (uint64_t filled = 0; filled < count; filled += per_fill) {
    const uint64_t end = std::min(count, filled + per_fill);
    kernels.words_from(stream, position + (first + filled) * draws, (end - filled) * draws, words);
    for (uint64_t row = filled; row < end; row += kRowsTogether) {
      const uint64_t together = std::min(kRowsTogether, end - row);
      const NarrowRows some = {rows.from(first + row, together), rows.columns, together, draws,
                               words + (row - filled) * draws};
      unsigned odd = kernels.draw_narrow_rows(some, out + row * draws);
      for (uint64_t r = row; odd != 0; ++r, odd >>= 1) {
        if ((odd & 1) == 0) continue;
        const WeightView weights = rows.from(first + r);
        const Execution alone = {1, {}, target};
        BlockShares shares(weights, alone);
        if (!shares.sum()) throw InvalidWeights{InvalidWeights::Reason::kChangedMeanwhile};
        few_draws(weights, shares, stream, position + (first + r) * draws, draws, out + r * draws, alone);
      }
    }
  }
}

}  // namespace pysampler
