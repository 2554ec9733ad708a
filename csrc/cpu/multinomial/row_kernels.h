// The inner loops over rows of weights, for each instruction set.
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "core/weights.h"
#include "cpu/simd/target.h"

namespace pysampler {

constexpr uint64_t kRowsTogether = 8;  // narrow rows that are worked on at once

// Several narrow rows and where their draws go.
struct NarrowRows {
  WeightView weights;  // count * columns of them
  uint64_t columns;    // <= kNarrowColumns
  uint64_t count;      // of rows, <= kRowsTogether
  uint64_t draws;      // of each row
  const uint64_t* words;  // count * draws random words, and room for kRowsTogether more
};

struct RowKernels {
  // How many rows come before the first that is no distribution or has fewer than `least_positive` positive weights.
  uint64_t (*good_rows)(WeightView weights, uint64_t columns, uint64_t least_positive);
  // out[row * draws + j]. Returns a bit for each row that needs few_draws.h instead: nothing is written for those.
  unsigned (*draw_narrow_rows)(const NarrowRows& rows, int64_t* out);
  // words[i] = the word at position + i, for i in [0, count). Room for 48 more, used for whatever comes of whole vectors.
  void (*words_from)(Stream stream, uint64_t position, uint64_t count, uint64_t* words);
  // Where units lie among masses by place: places[i] is the first whose masses up to and including it add up to more
  // than units[i]. `masses` has kBlockItems places, aligned to 64.
  void (*find_places)(const uint64_t* masses, const uint64_t* units, uint64_t count, uint32_t* places);
};

const RowKernels& row_kernels(Target target);

}  // namespace pysampler
