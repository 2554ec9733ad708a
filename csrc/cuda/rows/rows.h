// Draws from the rows of a matrix of weights, on a GPU: those of csrc/cpu/multinomial, bit for bit.
#pragma once

#include <cstdint>

#include "cuda/rows/rows_passes.h"
#include "cuda/rows/softmax_body.h"
#include "cuda/runtime.h"

namespace pysampler::cuda {

// A matrix in the device's memory, and what is worked out of it there. `tables`: room for even numbers of entries, as many
// as columns or one more for each row, at a multiple of 16; null unless the way needs them. `scratch`: rows_scratch_bytes.
struct RowsOnDevice {
  const void* weights;
  WeightType type;
  uint64_t rows, columns;  // at least 1 each; columns <= kMaxItems
  RowsWay way;
  AliasEntry* tables;
  void* scratch;
};

uint64_t rows_scratch_bytes(const RowsOnDevice& matrix);

// Looks at all rows. Unless `outcome` is null, waits for place's stream, once, and tells of the first bad row.
Status prepare_rows(const RowsOnDevice& matrix, Place place, RowsOutcome* outcome);

// After prepare_rows on the same stream; rows that are no distribution get kNoDraw.
Status draw_rows(const RowsOnDevice& matrix, const RowDraws& drawn, Place place);

// The race's keys, one for each weight: RaceKeys. After prepare_rows on the same stream.
Status race_rows(const RowsOnDevice& matrix, Origin origin, const StreamState* state, int64_t* keys, Place place);

// weights[i]: those of rows of logits (core/softmax.h).
Status softmax_rows(const void* logits, WeightType type, uint64_t rows, uint64_t columns, double* weights, Place place);

// Moves a state on.
Status advance(StreamState* state, uint64_t by, Place place);

// See load_kernels (kernels.h).
Status load_row_kernels();

}  // namespace pysampler::cuda
