// torch.multinomial's job: draws from each row of a matrix of weights that are used once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/stream.h"
#include "cpu/multinomial/row_check.h"
#include "cpu/multinomial/rows.h"
#include "cpu/multinomial/ways.h"
#include "cpu/runtime/parallel.h"
#include "cpu/table/block_shares.h"

namespace pysampler {

struct MultinomialJob {
  WeightRows weights;
  uint64_t draws;  // of each row, >= 1
  bool replacement;
};

// Where a job's random numbers begin.
struct StreamStart {
  uint64_t seed;
  uint64_t epoch = 0;
  uint64_t position = 0;  // positions may be used up to 2^63
};

// A job in two steps, so that the key of its random numbers is taken once all rows are known to be sound.
class Multinomial {
 public:
  // Looks at all rows. Throws InvalidRow for the first that cannot be drawn from.
  Multinomial(const MultinomialJob& job, const Execution& execution);

  // out[row * draws + j] = draw j of that row. With replacement, and for one draw, its position in the stream is
  // start.position + row * draws + j; else item i of the row races with that of start.position + row * columns + i. The
  // same for any number of threads, target and dtype that holds the weights. Throws InvalidWeights (kChangedMeanwhile) if
  // the weights were replaced since.
  void draw(const StreamStart& start, int64_t* out, const Execution& execution);

 private:
  void sum_rows(const Execution& execution);
  void scale_rows(const Execution& execution);
  // Throws if a bad row was found.
  void refuse(const FirstBadRow& bad, const Execution& execution) const;
  void few_draws_of(uint64_t row, Stream stream, uint64_t position, int64_t* out, const Execution& execution);
  void table_draws_of(uint64_t row, Stream stream, uint64_t position, int64_t* out, const Execution& execution) const;

  MultinomialJob job_;
  Way way_;
  // What the first look at the rows has found, where few draws are made of each: of rows of several blocks (some 300 bytes a
  // row and 24 a block: of the shortest, a tenth of the weights' own memory, of long ones less than a hundredth),
  std::vector<std::optional<BlockShares>> shares_;
  std::vector<double> scales_;  // and of those of one
};

}  // namespace pysampler
