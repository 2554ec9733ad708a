// Weighted sampling without replacement: successive sampling, in which each item is drawn from those left over, in
// proportion to their weights.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/weights.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

struct WithoutReplacement {
  WeightView weights;
  const AliasEntry* table;  // of these weights; null: no standing table
  uint64_t seed, epoch;
  uint64_t first_position;  // of the `weights.count` positions that race keys, and draws from the table, may use
};

// Writes `count` distinct items in the order in which they are drawn. The same for any target and number of threads.
// Needs finite weights >= 0 and count <= the number of positive ones; throws std::invalid_argument where the latter is
// found wrong. Zero weights are never drawn.
//
// With a table: draws from it, passing over repeats, while at least half of them are new (unseen_draws.h); then, and
// without a table from the start, the exponential race of the items not yet drawn, on the weights themselves, with
// random words of its own (core/exponential_race.h).
//
// Above 2/5 of all items the race alone is faster, and the table is not used.
//
// Distance from the exact law, as total variation between the orders of k out of n items: at most the sum of
//  - nothing for the switch from one method to the other, which is exact (unseen_draws.h);
//  - for the k' items that the race adds, 2^-50 k' (k' + 1) + 2^-64 n (k' + 24), and really much less
//    (core/exponential_race.h);
//  - with a table, its rounding, once for each draw: what the table draws is a function of at most 2.1 k + 64
//    independent draws, each within 2^-29 of the weights' own distribution (from the bound in build.h). So at most
//    2^-27 k + 2^-23, four times that above 2^29 items; in proportion to sqrt(k) rather, some 2^-30 sqrt(k), for
//    weights of one order of magnitude.
// Weights more than 2^1915 times smaller than the largest race as if they were only that much smaller.
//
// Cost on one thread: some 2 ns an item to race and 11 ns for each item kept; some 10 ns for each draw from
// the table (AVX-512, 10^7 items).
// Scratch: 8 bytes for each item that the race keeps (`count` and some percent, at most all), and per thread up to 2 MB
// and 16 bytes for each item of the largest of 4096 buckets; with a table, a bit per item and 4 MB.
void draw_without_replacement(const WithoutReplacement& request, uint64_t count, int64_t* out,
                              const Execution& execution);

}  // namespace pysampler
