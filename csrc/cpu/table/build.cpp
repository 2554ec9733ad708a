#include "cpu/table/build.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/alias_build.h"
#include "cpu/runtime/float_environment.h"
#include "cpu/table/build_kernels.h"
#include "cpu/table/leftovers.h"

namespace pysampler {
namespace {

constexpr uint64_t kBlocksPerTask = 64;  // 65,536 items: some hundred microseconds
constexpr uint64_t kMinTasksPerThread = 4;  // fewer are done before another thread would have started

[[noreturn]] void changed_meanwhile() { throw InvalidWeights{InvalidWeights::Reason::kChangedMeanwhile}; }

// One construction: the passes in their order, and what they hand to each other.
class Builder {
 public:
  Builder(WeightView weights, AliasEntry* table, const Execution& execution)
      : weights_(weights),
        table_(table),
        kernels_(build_kernels(execution.target)),
        blocks_(block_layout(weights.count).blocks),
        tasks_((blocks_ - 1) / kBlocksPerTask + 1),
        execution_(execution.on_at_most(tasks_ / kMinTasksPerThread)),
        sums_(blocks_) {}

  void run() {
    ScanResult scan = sum_blocks(1.0);
    if (!scan.all_valid || scan.largest == 0) {
      count_positive(weights_, execution_);  // throws and says what is wrong
      changed_meanwhile();
    }
    const double prescale = prescale_for(scan.largest);
    if (prescale != 1.0) scan = sum_blocks(prescale);

    const uint64_t all_mass = weights_.count * kSlotMass;
    Quotas quotas = share_out_blocks(all_mass);
    MassRule rule = mass_rule(prescale, scan.smallest_positive, quotas);
    if (rule.any_small) {
      quotas = share_out_blocks(all_mass - sum_large(rule));
      rule.scale = quotas.scale;
    }
    pack(quotas, rule);
    if (!place_leftovers(leftovers_, table_, execution_)) changed_meanwhile();
  }

 private:
  uint64_t first_block(uint64_t task) const { return task * kBlocksPerTask; }
  uint64_t block_count(uint64_t task) const { return std::min(kBlocksPerTask, blocks_ - first_block(task)); }

  ScanResult sum_blocks(double prescale) {
    std::vector<ScanResult> results(tasks_);
    parallel_for(tasks_, execution_, [&](uint64_t task) {
      kernels_.sum_blocks(weights_, prescale, first_block(task), block_count(task), &sums_[first_block(task)],
                          &results[task]);
    });
    ScanResult all;
    for (const ScanResult& result : results) {
      all.largest = std::max(all.largest, result.largest);
      all.smallest_positive = std::min(all.smallest_positive, result.smallest_positive);
      all.all_valid = all.all_valid && result.all_valid;
    }
    return all;
  }

  // Replaces sums_ by the sums without small items; returns the mass of the small ones.
  uint64_t sum_large(const MassRule& rule) {
    small_units_.resize(blocks_);
    parallel_for(tasks_, execution_, [&](uint64_t task) {
      kernels_.sum_large(weights_, rule, first_block(task), block_count(task), &sums_[first_block(task)],
                         &small_units_[first_block(task)]);
    });
    uint64_t units = 0;
    for (const uint64_t block_units : small_units_) units += block_units;
    if (units >= weights_.count * kSlotMass) changed_meanwhile();
    return units;
  }

  Quotas share_out_blocks(uint64_t mass) {
    const double largest = *std::max_element(sums_.begin(), sums_.end());
    if (!can_align_to(largest)) changed_meanwhile();
    alignment_ = align_to(largest);
    WideSum total = {0, 0};
    for (const double sum : sums_) total = add(total, alignment_.integer(sum));
    return share_out(mass, total, alignment_);
  }

  void pack(const Quotas& quotas, const MassRule& rule) {
    std::vector<uint64_t> quota(blocks_);
    WideSum cumulative = {0, 0};
    uint64_t before = 0;
    for (uint64_t b = 0; b < blocks_; ++b) {
      cumulative = add(cumulative, alignment_.integer(sums_[b]));
      const uint64_t units = quotas.units_before(cumulative);
      quota[b] = units - before + (small_units_.empty() ? 0 : small_units_[b]);
      before = units;
    }
    leftovers_.resize(tasks_);
    parallel_for_workers(tasks_, execution_, [&] {
      const std::shared_ptr<Scratch> scratch(new Scratch);  // unfilled: make_shared writes 130 KB of zeros
      return Task([this, scratch, &quota, &rule](uint64_t task) { pack_task(task, quota, rule, *scratch); });
    });
  }

  // One thread's working memory.
  struct Scratch {
    PackedBlock packed[kPackedTogether];
    Leftovers leftovers;
  };

  void pack_task(uint64_t task, const std::vector<uint64_t>& quota, const MassRule& rule, Scratch& scratch) {
    Leftovers& working = scratch.leftovers;
    working.lights.clear();
    working.heavies.clear();
    working.deficit = working.excess = 0;
    const uint64_t end = first_block(task) + block_count(task);
    for (uint64_t first = first_block(task); first < end; first += kPackedTogether) {
      const uint64_t count = std::min<uint64_t>(kPackedTogether, end - first);
      const bool packed =
          kernels_.pack_blocks(weights_, rule, first, count, &quota[first], scratch.packed, table_);
      if (!packed) changed_meanwhile();
      for (uint64_t b = 0; b < count; ++b) collect(scratch.packed[b], working);
    }
    leftovers_[task] = working;  // an exact copy: the working lists have room to spare
  }

  // What the merge inside a block did not place. A heavy with exactly a slot's mass needs nobody.
  void collect(const PackedBlock& block, Leftovers& to) {
    const auto collect_heavy = [&](uint64_t excess, uint32_t item) {
      if (excess == 0) {
        table_[item] = full_slot(item);
      } else {
        keep_excess(&table_[item], excess);
        to.heavies.push_back(item);
        to.excess += excess;
      }
    };
    const uint64_t i = block.lights_done;
    uint64_t j = block.heavies_done;
    if (j < block.heavies) {
      const uint64_t given = block.deficit[i], had = block.excess[j];
      if (had < given) {  // has become a light
        table_[block.heavy_id[j]].threshold = static_cast<uint32_t>(kSlotMass - (given - had));
        to.lights.push_back(block.heavy_id[j]);
        to.deficit += given - had;
      } else {
        collect_heavy(had - given, block.heavy_id[j]);
      }
      for (++j; j < block.heavies; ++j) collect_heavy(block.excess[j] - block.excess[j - 1], block.heavy_id[j]);
    }
    for (uint64_t k = i; k < block.lights; ++k) table_[block.light_id[k]].threshold = block.light_mass[k];
    to.lights.insert(to.lights.end(), block.light_id + i, block.light_id + block.lights);
    to.deficit += block.deficit[block.lights] - block.deficit[i];
  }

  const WeightView weights_;
  AliasEntry* const table_;
  const BuildKernels& kernels_;
  const uint64_t blocks_;
  const uint64_t tasks_;
  const Execution execution_;
  std::vector<double> sums_;
  std::vector<uint64_t> small_units_;  // empty when no item is small
  Alignment alignment_ = {0};
  std::vector<Leftovers> leftovers_;
};

}  // namespace

void build(WeightView weights, AliasEntry* table, const Execution& execution) {
  const StandardFloats standard_floats;
  Builder(weights, table, execution).run();
}

}  // namespace pysampler
