// The per-block work of table construction, for each instruction set.
#pragma once

#include <cstdint>

#include "core/alias_build.h"
#include "core/weights.h"
#include "cpu/simd/target.h"

namespace pysampler {

// What a scan over weights learns, beside the sum of each block.
struct ScanResult {
  double largest = 0;
  double smallest_positive = 0x1p1023 * 2;  // infinity until one is seen
  bool all_valid = true;                    // every weight is finite and >= 0
};

// A block between its masses and its slots. Lists are padded for whole-vector stores.
struct PackedBlock {
  static constexpr uint64_t kRoom = kBlockItems + 48;
  alignas(64) uint64_t excess[kRoom];  // up to and including this heavy: sum of (mass - slot)
  alignas(64) uint32_t light_id[kRoom];  // some kernels name only those that are left over
  alignas(64) uint32_t heavy_id[kRoom];
  uint64_t lights, heavies;
  uint64_t lights_done, heavies_done;  // placed inside the block; the rest is left over
  uint64_t deficit_done, deficit_all;  // of the lights placed, of all
};

struct BuildKernels {
  // sums[i] = sum of block first + i. One thread.
  void (*sum_blocks)(WeightView weights, double prescale, uint64_t first, uint64_t count, double* sums,
                     ScanResult* result);
  // The same over the items that are not small; small_units[i] = total mass of those that are.
  void (*sum_large)(WeightView weights, const MassRule& rule, uint64_t first, uint64_t count, double* sums,
                    uint64_t* small_units);
  // The masses of a block, adding up to its quota, and as many of its slots as can be filled inside it; a light that is
  // left over has its mass in its slot's threshold. False if the weights no longer fit the quota.
  bool (*pack_block)(WeightView weights, const MassRule& rule, uint64_t block, uint64_t quota, PackedBlock& packed,
                     AliasEntry* table);
  // The masses of one block by place (BlockLayout::item), adding up to `quota`; 0 where there is no item. Room for
  // kBlockItems, aligned to 64. False if the weights no longer fit the quota.
  bool (*masses_of_block)(WeightView weights, const MassRule& rule, uint64_t block, uint64_t quota, uint64_t* masses);
};

const BuildKernels& build_kernels(Target target);

}  // namespace pysampler
