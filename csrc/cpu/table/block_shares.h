// How the units of a table's mass are shared out among the blocks of its weights, before any slot is filled.
#pragma once

#include <cstdint>
#include <vector>

#include "core/alias_build.h"
#include "core/weights.h"
#include "cpu/runtime/parallel.h"
#include "cpu/table/build_kernels.h"

namespace pysampler {

// Block b owns the units [units_before(b), units_before(b + 1)) of items * 2^32. Scratch: 8 bytes a block; 24 while shared.
class BlockShares {
 public:
  BlockShares(WeightView weights, const Execution& execution);

  // Reads all weights once. False if they define no distribution, and then nothing else may be called.
  bool sum();

  // After sum(). Reads the weights again where some positive mass is small, or where they need prescaling. Throws
  // InvalidWeights (kChangedMeanwhile) if they were replaced since they were summed.
  void share(const Execution& execution);

  uint64_t blocks() const { return blocks_; }
  const MassRule& rule() const { return rule_; }
  uint64_t units_before(uint64_t block) const { return quotas_.units_before(cumulative_[block]) + small_before(block); }
  // The block that owns a unit: the last with units_before(block) <= unit.
  uint64_t block_of(uint64_t unit) const;

  // The blocks' work is split into tasks of this many.
  static constexpr uint64_t kBlocksPerTask = 64;  // 65,536 items: some hundred microseconds
  uint64_t tasks() const { return (blocks_ - 1) / kBlocksPerTask + 1; }
  uint64_t first_block(uint64_t task) const { return task * kBlocksPerTask; }
  uint64_t block_count(uint64_t task) const;
  // With no more threads than the weights are worth.
  const Execution& execution() const { return execution_; }

 private:
  // Whether units_before(block) <= unit, without a division.
  bool begins_by(uint64_t block, uint64_t unit) const;
  void sum_blocks(double prescale);
  uint64_t sum_large();
  Quotas share_out_blocks(uint64_t mass);
  uint64_t small_before(uint64_t block) const { return small_before_.empty() ? 0 : small_before_[block]; }

  WeightView weights_;
  const BuildKernels* kernels_;
  uint64_t blocks_;
  Execution execution_;
  ScanResult scan_;
  std::vector<double> sums_;
  Alignment alignment_ = {0};
  Quotas quotas_ = {};
  MassRule rule_ = {};
  std::vector<uint64_t> small_before_;  // units of small items in the blocks before; empty when no item is small
  std::vector<uint64_t> cumulative_;    // aligned sums of the blocks before, shifted as quotas_ wants them
};

}  // namespace pysampler
