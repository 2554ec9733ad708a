// Draws from weights seen once, without a table: by integer prefix masses.
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "cpu/runtime/parallel.h"
#include "cpu/table/block_shares.h"

namespace pysampler {

// out[j] = the item that owns unit floor(word * items * 2^32 / 2^64) for the word at position + j, for j in [0, draws).
// Units lie block by block as the builder lays blocks out, and inside a block by place; each item has exactly the mass that
// its alias table would give it. So the law is AliasTable's, the draws are others.
//
// `shares` must have been summed over these weights, and is shared out here. Only the blocks that are drawn from are looked
// at again: some 0.3 us each. Scratch: at most 28 bytes a block and 40 a draw. Throws InvalidWeights (kChangedMeanwhile).
void few_draws(WeightView weights, BlockShares& shares, Stream stream, uint64_t position, uint64_t draws, int64_t* out,
               const Execution& execution);

// About how many nanoseconds that takes after the weights are summed. Only decides about threads.
constexpr uint64_t few_draws_cost(uint64_t items, uint64_t draws) {
  const uint64_t blocks = (items - 1) / kBlockItems + 1;
  return 300 + (draws < blocks ? draws : blocks) * 300 + draws * 20;
}

// The same draws from at most kBlockItems weights whose masses have the scale that RowKernels::scale_rows found, on one
// thread. False if nothing could be drawn this way: the scale is 0, or the weights need the general way. May throw likewise.
bool few_draws_of_one_block(WeightView weights, double scale, Stream stream, uint64_t position, uint64_t draws,
                            int64_t* out, Target target);

}  // namespace pysampler
