#include "cpu/multinomial/few_draws.h"

#include <algorithm>
#include <vector>

#include "core/alias_table.h"
#include "cpu/multinomial/row_kernels.h"

namespace pysampler {
namespace {

constexpr uint64_t kDrawsPerTask = 256;  // some hundred microseconds where each has a block of its own

uint64_t unit_of(uint64_t word, uint64_t items) {
  const SlotPoint point = locate(word, items);
  return static_cast<uint64_t>(point.slot) << 32 | point.fraction;
}

[[noreturn]] void changed_meanwhile() { throw InvalidWeights{InvalidWeights::Reason::kChangedMeanwhile}; }

// A unit that was drawn, and by which draw.
struct Drawn {
  uint64_t block_and_draw;  // block << 32 | draw: sorted, the draws of a block lie together
  uint64_t unit;
};

// Puts the draws of a block together, in their order. By counting where that takes no longer than comparing.
void sort_by_block(std::vector<Drawn>& drawn, uint64_t blocks) {
  if (blocks == 1) return;
  if (blocks > 4 * drawn.size()) {
    std::sort(drawn.begin(), drawn.end(),
              [](const Drawn& a, const Drawn& b) { return a.block_and_draw < b.block_and_draw; });
    return;
  }
  std::vector<uint32_t> next(blocks + 1);
  for (const Drawn& each : drawn) ++next[(each.block_and_draw >> 32) + 1];
  for (uint64_t b = 0; b < blocks; ++b) next[b + 1] += next[b];
  std::vector<Drawn> sorted(drawn.size());
  for (const Drawn& each : drawn) sorted[next[each.block_and_draw >> 32]++] = each;
  drawn.swap(sorted);
}

class BlockSearch {
 public:
  BlockSearch(WeightView weights, const BlockShares& shares, const std::vector<Drawn>& drawn, int64_t* out,
              Target target)
      : weights_(weights),
        layout_(block_layout(weights.count)),
        shares_(shares),
        drawn_(drawn),
        out_(out),
        build_(build_kernels(target)),
        rows_(row_kernels(target)) {}

  void run(uint64_t begin, uint64_t end) const {
    while (begin < end) {
      uint64_t next = begin + 1;
      while (next < end && block_at(next) == block_at(begin)) ++next;
      if (next < end) prefetch(block_at(next));
      search(block_at(begin), begin, next);
      begin = next;
    }
  }

 private:
  uint64_t block_at(uint64_t i) const { return drawn_[i].block_and_draw >> 32; }

  // A block's groups lie far apart, which hardware prefetchers do not see through. Into L2: asked into L1 they come twice as
  // slowly on Zen 4. Always inlined: GCC takes a function that only prefetches for one without effects, and drops its calls.
  PYSAMPLER_INLINE void prefetch(uint64_t block) const {
    const uint64_t item_bytes = weights_.type == WeightType::kFloat32 ? 4 : 8;
    for (uint64_t group = 0; group < layout_.groups_with_items(); ++group) {
      const uint64_t start = std::min(layout_.group_start(block, group), layout_.items - 1);
      const char* const line = static_cast<const char*>(weights_.data) + start * item_bytes;
      prefetch_to_l2(line);
      if (item_bytes == 8) prefetch_to_l2(line + 64);
    }
  }

  void search(uint64_t block, uint64_t begin, uint64_t end) const {
    const uint64_t before = shares_.units_before(block), quota = shares_.units_before(block + 1) - before;
    const MassRule& rule = shares_.rule();
    if (!rule.any_small && rule.prescale == 1.0 && quota < kMostSummedUnits) {
      GroupSums sums;
      sums.weights = weights_;
      sums.scale = rule.scale;
      sums.block = block;
      if (rows_.sum_groups(quota, &sums)) {
        return find(block, before, begin, end, [&](const uint64_t* units, uint64_t count, uint32_t* places) {
          rows_.find_summed_places(sums, units, count, places);
        });
      }
    }
    alignas(64) uint64_t masses[kBlockItems];
    if (!build_.masses_of_block(weights_, rule, block, quota, masses)) changed_meanwhile();
    find(block, before, begin, end, [&](const uint64_t* units, uint64_t count, uint32_t* places) {
      rows_.find_places(masses, units, count, places);
    });
  }

  // find_places(units, count, places) says where units of the block lie in it.
  template <class FindPlaces>
  void find(uint64_t block, uint64_t before, uint64_t begin, uint64_t end, FindPlaces find_places) const {
    constexpr uint64_t kTogether = 64;
    uint64_t units[kTogether];
    uint32_t places[kTogether];
    for (; begin < end; begin += kTogether) {
      const uint64_t count = std::min(kTogether, end - begin);
      for (uint64_t i = 0; i < count; ++i) units[i] = drawn_[begin + i].unit - before;
      find_places(units, count, places);
      for (uint64_t i = 0; i < count; ++i) {
        const uint64_t item = layout_.item(block, places[i]);
        if (item >= layout_.items) changed_meanwhile();
        out_[drawn_[begin + i].block_and_draw & 0xFFFFFFFFu] = static_cast<int64_t>(item);
      }
    }
  }

  WeightView weights_;
  BlockLayout layout_;
  const BlockShares& shares_;
  const std::vector<Drawn>& drawn_;
  int64_t* out_;
  const BuildKernels& build_;
  const RowKernels& rows_;
};

}  // namespace

void few_draws(WeightView weights, BlockShares& shares, Stream stream, uint64_t position, uint64_t draws, int64_t* out,
               const Execution& execution) {
  shares.share(execution);
  std::vector<uint64_t> words(draws + 48);
  row_kernels(execution.target).words_from(stream, position, draws, words.data());
  std::vector<Drawn> drawn(draws);
  for (uint64_t j = 0; j < draws; ++j) {
    const uint64_t unit = unit_of(words[j], weights.count);
    drawn[j] = {shares.block_of(unit) << 32 | j, unit};
  }
  sort_by_block(drawn, shares.blocks());
  const BlockSearch search(weights, shares, drawn, out, execution.target);
  const uint64_t tasks = (draws + kDrawsPerTask - 1) / kDrawsPerTask;
  // Another thread takes some 50 us to start.
  constexpr uint64_t kPerThread = 100'000;
  parallel_for(tasks, execution.on_at_most(few_draws_cost(weights.count, draws) / kPerThread), [&](uint64_t task) {
    search.run(task * kDrawsPerTask, std::min(draws, (task + 1) * kDrawsPerTask));
  });
}

bool few_draws_of_one_block(WeightView weights, double scale, Stream stream, uint64_t position, uint64_t draws,
                            int64_t* out, Target target) {
  const RowKernels& kernels = row_kernels(target);
  GroupSums sums;
  sums.weights = weights;
  sums.scale = scale;
  sums.block = 0;
  if (scale == 0 || !kernels.sum_groups(weights.count * kSlotMass, &sums)) return false;
  constexpr uint64_t kTogether = 256;
  alignas(64) uint64_t words[kTogether + 48];
  uint32_t places[kTogether];
  for (uint64_t done = 0; done < draws; done += kTogether) {
    const uint64_t count = std::min(kTogether, draws - done);
    kernels.words_from(stream, position + done, count, words);
    for (uint64_t j = 0; j < count; ++j) words[j] = unit_of(words[j], weights.count);
    kernels.find_summed_places(sums, words, count, places);
    for (uint64_t j = 0; j < count; ++j) {
      if (places[j] >= weights.count) changed_meanwhile();
      out[done + j] = places[j];
    }
  }
  return true;
}

}  // namespace pysampler
