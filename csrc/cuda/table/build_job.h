// What the passes of a table's construction work on, and hand to each other: all in the GPU's memory.
#pragma once

#include <cstdint>

#include "core/alias_build.h"
#include "core/alias_table.h"
#include "core/weights.h"

namespace pysampler::cuda {

// What a scan over weights learns.
struct WeightsSeen {
  double largest;
  double smallest_positive;  // as or_large has it
  uint64_t bad;              // how many are not valid
  uint64_t first_bad;        // UINT64_MAX: none
};

PYSAMPLER_HOST_DEVICE WeightsSeen nothing_seen() { return {0, 0x1p1023, 0, UINT64_MAX}; }

PYSAMPLER_HOST_DEVICE WeightsSeen seen_both(const WeightsSeen& a, const WeightsSeen& b) {
  return {a.largest > b.largest ? a.largest : b.largest,
          a.smallest_positive < b.smallest_positive ? a.smallest_positive : b.smallest_positive, a.bad + b.bad,
          a.first_bad < b.first_bad ? a.first_bad : b.first_bad};
}

// What the host reads when all is done.
struct BuildOutcome {
  uint64_t failed;   // not 0: the weights are `invalid`
  uint64_t changed;  // not 0: some block met other weights than had been summed. Apart, for its threads read `failed`
  InvalidWeights invalid;

  PYSAMPLER_HOST_DEVICE bool is_good() const { return failed == 0 && changed == 0; }
};

// Written by the passes of one block of threads, read by those that follow.
struct BuildState {
  BuildOutcome outcome;
  Alignment alignment;
  Quotas quotas;
  MassRule rule;
  double largest;  // of the weights, without any prescale

  // Whether the weights must be summed once more, multiplied by rule.prescale.
  PYSAMPLER_HOST_DEVICE bool is_rescaled() const {
    return outcome.failed == 0 && rule.prescale != 1.0;
  }
};

// What the blocks of a table could not place among themselves, in order: items that have less than a slot's mass
// (lights) or more (heavies); a block leaves items of one kind only. Those of block b begin at b * kBlockItems. An
// amount is the sum of slot - mass over the block's lights up to and including this one, or of mass - slot over its
// heavies. A heavy with nothing to give has the amount of the one before it.
struct Leftovers {
  uint64_t* amounts;
  uint16_t* places;  // in the block: BlockLayout::item tells the item
  uint32_t* lights;  // how many, of each block
  uint32_t* heavies;
  uint64_t* deficit;  // of each block's lights; then of all blocks before; one more than there are blocks
  uint64_t* excess;   // of its heavies, likewise
};

// Everything that a construction reads and writes.
struct BuildJob {
  const void* weights;
  uint64_t items;
  AliasEntry* table;
  BuildState* state;
  WeightsSeen* seen;      // of each block of threads of SumBlocks
  double* sums;           // of each block of items
  uint64_t* small_units;  // mass of its small items
  uint64_t* cumulative;   // of the aligned sums, shifted
  uint64_t* quotas;
  Leftovers leftovers;

  PYSAMPLER_HOST_DEVICE BlockLayout layout() const { return block_layout(items); }
};

constexpr uint32_t kSummedByTeam = 32;  // blocks of items that a block of threads sums

PYSAMPLER_HOST_DEVICE uint64_t teams_for(uint64_t blocks) { return (blocks + kSummedByTeam - 1) / kSummedByTeam; }

// Lays out the working memory of a construction. `alignment`: of each array, a multiple of 16.
class Scratch {
 public:
  explicit Scratch(void* memory, uint64_t alignment = 256)
      : start_(static_cast<unsigned char*>(memory)), alignment_(alignment) {}

  template <class T>
  T* take(uint64_t count) {
    auto* const taken = reinterpret_cast<T*>(reinterpret_cast<uintptr_t>(start_) + bytes_);
    bytes_ += (count * sizeof(T) + alignment_ - 1) / alignment_ * alignment_;
    return taken;
  }
  uint64_t bytes() const { return bytes_; }

 private:
  unsigned char* start_;
  uint64_t alignment_;
  uint64_t bytes_ = 0;
};

// Without a table: what its passes before Pack work on.
inline BuildJob lay_out_shares(const void* weights, uint64_t items, Scratch& scratch) {
  const uint64_t blocks = block_layout(items).blocks;
  BuildJob job = {};
  job.weights = weights;
  job.items = items;
  job.state = scratch.take<BuildState>(1);
  job.seen = scratch.take<WeightsSeen>(teams_for(blocks));
  job.sums = scratch.take<double>(blocks);
  job.small_units = scratch.take<uint64_t>(blocks);
  job.cumulative = scratch.take<uint64_t>(blocks);
  job.quotas = scratch.take<uint64_t>(blocks);
  return job;
}

inline BuildJob lay_out(const void* weights, uint64_t items, AliasEntry* table, Scratch& scratch) {
  const uint64_t blocks = block_layout(items).blocks;
  BuildJob job = lay_out_shares(weights, items, scratch);
  job.table = table;
  job.leftovers.lights = scratch.take<uint32_t>(blocks);
  job.leftovers.heavies = scratch.take<uint32_t>(blocks);
  job.leftovers.deficit = scratch.take<uint64_t>(blocks + 1);
  job.leftovers.excess = scratch.take<uint64_t>(blocks + 1);
  job.leftovers.amounts = scratch.take<uint64_t>(blocks * kBlockItems);
  job.leftovers.places = scratch.take<uint16_t>(blocks * kBlockItems);
  return job;
}

// About 10 bytes an item: room for all items to be left over, for how many are is known only to the GPU.
inline uint64_t build_scratch_bytes(uint64_t items) {
  Scratch scratch(nullptr);
  lay_out(nullptr, items, nullptr, scratch);
  return scratch.bytes();
}

}  // namespace pysampler::cuda
