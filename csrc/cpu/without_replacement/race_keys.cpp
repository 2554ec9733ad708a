#include "cpu/without_replacement/race_keys.h"

#include <algorithm>
#include <atomic>

#include "core/exponential_race.h"

namespace pysampler {
namespace {

struct RaceKernels {
  void (*consecutive_words)(Stream, uint64_t group, uint64_t groups, uint64_t* words);
  void (*scattered_words)(Stream, const uint64_t* positions, uint64_t count, uint64_t* words);
  void (*weights_float32)(const float* weights, double scale, uint64_t count, double* raced);
  void (*weights_float64)(const double* weights, double scale, uint64_t count, double* raced);
  void (*keys_of)(const uint64_t* words, const double* raced, uint64_t count, uint64_t* keys);
  void (*flag_keys_up_to)(const uint64_t* words, const double* raced, double limit, uint64_t count, uint8_t* flags);
  uint64_t (*largest_float64)(const double* weights, uint64_t count);
};

}  // namespace
}  // namespace pysampler

#define PYSAMPLER_KERNELS "cpu/without_replacement/race_keys_kernel.inc"
#include "cpu/simd/for_each_target.h"

namespace pysampler {
namespace {

const double kNoWeight = double_from_bits(kDoesNotRun);

bool is_seen(const Race& race, uint64_t item) { return race.seen && (race.seen[item / 64] >> (item % 64) & 1) != 0; }

// Words and scaled weights of a block of items.
struct Block {
  alignas(64) uint64_t words_from_group[kRaceBlock + 32];  // from the start of a group of sixteen positions
  alignas(64) double raced[kRaceBlock];
  const uint64_t* words;  // of the first item
};

// The weights of the items that come next are fetched while these are worked on.
void prefetch_weights(WeightView weights, uint64_t item) {
  const uint64_t item_bytes = weights.type == WeightType::kFloat32 ? 4 : 8;
  const uint64_t end = std::min(item + kRaceBlock, weights.count) * item_bytes;
  for (uint64_t at = item * item_bytes; at < end; at += 64) {
    prefetch(static_cast<const char*>(weights.data) + at);
  }
}

void fill(const Race& race, const RaceKernels& kernels, uint64_t begin, uint64_t count, Block* block) {
  prefetch_weights(race.weights, begin + 2 * kRaceBlock);
  const uint64_t position = race.first_position + begin, lead = position % 16;
  kernels.consecutive_words(race.stream, position / 16, (lead + count + 15) / 16, block->words_from_group);
  block->words = block->words_from_group + lead;
  if (race.weights.type == WeightType::kFloat32) {
    kernels.weights_float32(static_cast<const float*>(race.weights.data) + begin, race.scale, count, block->raced);
  } else {
    kernels.weights_float64(static_cast<const double*>(race.weights.data) + begin, race.scale, count, block->raced);
  }
}

}  // namespace

double race_scale_of(WeightView weights, const Execution& execution) {
  if (weights.type == WeightType::kFloat32) return 1.0;  // keys then lie within 2^-193 and 2^155
  constexpr uint64_t kItemsPerTask = 1 << 17;
  const RaceKernels& kernels = kernels_for(execution.target);
  std::atomic<uint64_t> largest{0};
  parallel_ranges(weights.count, kItemsPerTask, execution, [&](uint64_t begin, uint64_t end) {
    const uint64_t found = kernels.largest_float64(static_cast<const double*>(weights.data) + begin, end - begin);
    uint64_t known = largest.load();
    while (known < found && !largest.compare_exchange_weak(known, found)) {
    }
  });
  return race_scale(largest);
}

void race_keys(const Race& race, uint64_t begin, uint64_t count, uint64_t* keys) {
  const RaceKernels& kernels = kernels_for(race.target);
  Block block;
  fill(race, kernels, begin, count, &block);
  kernels.keys_of(block.words, block.raced, count, keys);
  if (!race.seen) return;
  for (uint64_t i = 0; i < count; ++i) {
    if (is_seen(race, begin + i)) keys[i] = kDoesNotRun;
  }
}

uint64_t race_keys_up_to(const Race& race, uint64_t begin, uint64_t count, uint64_t limit, uint32_t* offsets,
                         uint64_t* keys) {
  const RaceKernels& kernels = kernels_for(race.target);
  Block block;
  fill(race, kernels, begin, count, &block);
  alignas(64) uint8_t flags[kRaceBlock];
  kernels.flag_keys_up_to(block.words, block.raced, double_from_bits(limit), count, flags);
  uint64_t found = 0;
  for (uint64_t i = 0; i < count; ++i) {  // without a branch: which ones pass cannot be predicted
    offsets[found] = static_cast<uint32_t>(i);
    found += flags[i];
  }
  // To the front, in place: offsets[i] >= i, and lead words of the group are no longer needed.
  uint64_t kept = 0;
  uint64_t* words = block.words_from_group;
  for (uint64_t i = 0; i < found; ++i) {
    const uint32_t offset = offsets[i];
    if (is_seen(race, begin + offset)) continue;
    offsets[kept] = offset;
    words[kept] = block.words[offset];
    block.raced[kept] = block.raced[offset];
    ++kept;
  }
  kernels.keys_of(words, block.raced, kept, keys);
  return kept;
}

void race_keys_at(const Race& race, const uint32_t* items, uint64_t count, uint64_t* keys) {
  constexpr uint64_t kAtOnce = 64;
  const RaceKernels& kernels = kernels_for(race.target);
  alignas(64) uint64_t words[kAtOnce] = {};
  alignas(64) double raced[kAtOnce];
  for (uint64_t done = 0; done < count; done += kAtOnce) {
    const uint64_t part = std::min(kAtOnce, count - done);
    for (uint64_t i = 0; i < part; ++i) {
      const uint64_t item = items[done + i];
      words[i] = race.first_position + item;
      raced[i] = is_seen(race, item) ? kNoWeight : raced_weight(weight_at(race.weights, item), race.scale);
    }
    kernels.scattered_words(race.stream, words, part, words);
    kernels.keys_of(words, raced, part, keys + done);
  }
}

}  // namespace pysampler
