#include "cpu/table/block_shares.h"

#include <algorithm>

#include "core/multiply_high.h"

namespace pysampler {
namespace {

constexpr uint64_t kMinTasksPerThread = 4;  // fewer are done before another thread would have started

[[noreturn]] void changed_meanwhile() { throw InvalidWeights{InvalidWeights::Reason::kChangedMeanwhile}; }

}  // namespace

BlockShares::BlockShares(WeightView weights, const Execution& execution)
    : weights_(weights),
      kernels_(&build_kernels(execution.target)),
      blocks_(block_layout(weights.count).blocks),
      execution_(execution.on_at_most(tasks() / kMinTasksPerThread)),
      sums_(blocks_) {}

uint64_t BlockShares::block_count(uint64_t task) const { return std::min(kBlocksPerTask, blocks_ - first_block(task)); }

bool BlockShares::sum() {
  sum_blocks(1.0);
  return scan_.all_valid && scan_.largest > 0;
}

void BlockShares::share(const Execution& execution) {
  execution_.interrupt = execution.interrupt;
  const double prescale = prescale_for(scan_.largest);
  if (prescale != 1.0) sum_blocks(prescale);
  const uint64_t all_mass = weights_.count * kSlotMass;
  quotas_ = share_out_blocks(all_mass);
  rule_ = mass_rule(prescale, scan_.smallest_positive, quotas_);
  if (rule_.any_small) {
    quotas_ = share_out_blocks(all_mass - sum_large());
    rule_.scale = quotas_.scale;
  }
  cumulative_.resize(blocks_ + 1);
  WideSum cumulative = {0, 0};
  cumulative_[0] = 0;
  for (uint64_t b = 0; b < blocks_; ++b) {
    cumulative = add(cumulative, alignment_.integer(sums_[b]));
    cumulative_[b + 1] = shift_right(cumulative, quotas_.shift);
  }
}

uint64_t BlockShares::block_of(uint64_t unit) const {
  uint64_t low = 0, count = blocks_;
  if (!small_before_.empty() || quotas_.mass >> 63 != 0) {
    while (count > 1) {
      const uint64_t half = count / 2;
      low += begins_by(low + half, unit) ? half : 0;
      count -= half;
    }
    return low;
  }
  // What begins_by() asks for, cumulative * mass < (unit + 1) * total, is cumulative < limit: one division for all blocks,
  // and steps without a branch.
  const uint64_t quotient = multiply_divide(unit + 1, quotas_.total, quotas_.mass);
  const uint64_t limit = quotient + ((unit + 1) * quotas_.total != quotient * quotas_.mass);
  while (count > 1) {
    const uint64_t half = count / 2;
    low += half & (0 - static_cast<uint64_t>(cumulative_[low + half] < limit));
    count -= half;
  }
  return low;
}

bool BlockShares::begins_by(uint64_t block, uint64_t unit) const {
  // floor(c * mass / total) <= v is c * mass < (v + 1) * total: a comparison of 128-bit products.
  const uint64_t small = small_before(block);
  if (unit < small) return false;
  const uint64_t above = unit - small + 1;  // at most items * 2^32 < 2^64
  const uint64_t left = multiply_high(cumulative_[block], quotas_.mass), right = multiply_high(above, quotas_.total);
  if (left != right) return left < right;
  return cumulative_[block] * quotas_.mass < above * quotas_.total;
}

void BlockShares::sum_blocks(double prescale) {
  std::vector<ScanResult> results(tasks());
  parallel_for(tasks(), execution_, [&](uint64_t task) {
    kernels_->sum_blocks(weights_, prescale, first_block(task), block_count(task), &sums_[first_block(task)],
                         &results[task]);
  });
  scan_ = ScanResult();
  for (const ScanResult& result : results) {
    scan_.largest = std::max(scan_.largest, result.largest);
    scan_.smallest_positive = std::min(scan_.smallest_positive, result.smallest_positive);
    scan_.all_valid = scan_.all_valid && result.all_valid;
  }
}

// Replaces sums_ by the sums without small items; returns the mass of the small ones.
uint64_t BlockShares::sum_large() {
  small_before_.resize(blocks_ + 1);
  uint64_t* const own = small_before_.data() + 1;
  parallel_for(tasks(), execution_, [&](uint64_t task) {
    kernels_->sum_large(weights_, rule_, first_block(task), block_count(task), &sums_[first_block(task)],
                        own + first_block(task));
  });
  for (uint64_t b = 0; b < blocks_; ++b) own[b] += small_before_[b];
  if (small_before_[blocks_] >= weights_.count * kSlotMass) changed_meanwhile();
  return small_before_[blocks_];
}

Quotas BlockShares::share_out_blocks(uint64_t mass) {
  const double largest = *std::max_element(sums_.begin(), sums_.end());
  if (!can_align_to(largest)) changed_meanwhile();
  alignment_ = align_to(largest);
  WideSum total = {0, 0};
  for (const double sum : sums_) total = add(total, alignment_.integer(sum));
  return share_out(mass, total, alignment_);
}

}  // namespace pysampler
