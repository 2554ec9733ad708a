// The inner loops over rows of weights, for each instruction set.
#pragma once

#include <cstdint>

#include "core/alias_build.h"
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

// Masses of a block, so far as a search wants them: summed up to each group. For usual blocks only: no weight is small, none
// is prescaled, and the block's units are fewer than kMostSummedUnits, so that doubles hold every sum exactly.
struct GroupSums {
  WeightView weights;
  double scale;  // of the rule
  uint64_t block;
  double ones;  // the first so many positive masses get one unit more than the floor of their share
  bool has_zeros;
  // Group g of the block at kGroups / 8 * (g % 8) + g / 8: vectors then sum all eighths of the block at once.
  alignas(64) double up_to[kGroups];       // units of the groups up to and including each
  alignas(64) double positive[kGroups];    // positive masses up to and including each; whatever it is without zeros
};
constexpr uint64_t kMostSummedUnits = uint64_t{1} << 50;

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
  // scales[r] = that of the masses of row r, of at most kBlockItems columns; 0 where weights are invalid, all zero, negative
  // zeros, small or in need of prescaling.
  void (*scale_rows)(WeightView weights, uint64_t columns, double* scales);
  // The sums of a usual block that shall have `quota` units; of `sums`, weights, scale and block are given. False if they are
  // to be made in the general way: the weights do not fit the quota, or only by more than a unit for each.
  bool (*sum_groups)(uint64_t quota, GroupSums* sums);
  // places[i] = the place in the block of the item that owns units[i], for units below the quota.
  void (*find_summed_places)(const GroupSums& sums, const uint64_t* units, uint64_t count, uint32_t* places);
};

const RowKernels& row_kernels(Target target);

}  // namespace pysampler
