// One epoch of systematic draws, addressable by position.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/batch_strata.h"
#include "core/permutation.h"
#include "core/positions.h"
#include "core/stream.h"
#include "core/systematic.h"
#include "cpu/runtime/parallel.h"
#include "cpu/simd/target.h"
#include "cpu/systematic/mass_table.h"

namespace pysampler {

// Immutable; any number of threads may draw from it at once.
class SystematicPass {
 public:
  // An epoch of `draws` draws in [1, kMaxSystematicDraws]. With a `batch` in [1, min(draws, kMaxBatch)], global batch b
  // is the positions from b * batch on, and a small copy of the classes; 0: no batches, one order for all.
  // Cost: O(batch * log classes), and 16 to 28 bytes of memory for each unit of batch.
  SystematicPass(std::shared_ptr<const MassTable> table, uint64_t seed, uint64_t epoch, uint64_t draws, uint64_t batch);

  // out[i] = the draw at positions[i], all of them below `draws`. Neither the threads nor the target can change a bit.
  void draw(const Positions& positions, int64_t* out, const Execution& execution = {}) const;

  // The same for positions beyond the epoch: independent draws by mass.
  void pad(const Positions& positions, int64_t* out) const;

 private:
  // A run of strata that lie in one class as a whole: their points change places within it.
  struct Run {
    uint64_t first_point;
    Permutation permutation;
  };
  static constexpr uint32_t kNoRun = 0xFFFFFFFF;
  struct Stratum {
    uint64_t begin;
    uint32_t run;
    uint32_t is_long;
  };

  void cut_strata();
  // The class that a point falls in.
  uint64_t class_of(uint64_t point) const;
  void draw_range(const Positions& positions, int64_t* out, Target target) const;
  // points[i] = the point at positions[i]. Up to a chunk of them, as everywhere below.
  void order_points(const Positions& positions, uint64_t* points, Target target) const;
  // Draws number first, first + step, ... of one batch: `count` of them.
  struct BatchPart {
    uint64_t batch, first, step, count;
  };
  // Their points, but for the exchange within runs[i]. A full batch takes place `place` of every stratum.
  void batch_points(const BatchPart& part, uint64_t place, uint64_t* points, uint32_t* runs, Target target) const;
  void exchange(uint64_t* points, const uint32_t* runs, uint64_t count, Target target) const;
  // points[section.begin * batches + b * strata + i] = the point of full batch first + b in stratum section.begin + i, for
  // each section of so many strata. Together at most kWhole.
  void whole_points(uint64_t first, uint64_t batches, uint64_t* points, Target target) const;
  // The `batches` full batches from the first one on, each of them whole: together at most kWhole draws.
  void draw_whole_batches(uint64_t first, uint64_t batches, int64_t* out, Target target) const;
  // Neighbouring strata whose points are exchanged by the same permutation, or that all keep theirs.
  struct Section {
    uint32_t begin, end, run;
  };
  // items[i] = the item that owns units[i].
  void look_up(const uint64_t* units, uint64_t count, int64_t* items) const;

  const std::shared_ptr<const MassTable> table_;
  const Stream permutations_;
  const Stream padding_;
  const Lattice lattice_;
  const bool batched_;
  const BatchStrata strata_;
  const Permutation order_;  // of the points, or of the places of full batches
  std::vector<Stratum> stratum_;
  std::vector<Run> runs_;
  std::vector<Section> sections_;  // all strata, in their order
};

}  // namespace pysampler
