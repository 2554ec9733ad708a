#include "cpu/table/build.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/alias_build.h"
#include "cpu/runtime/float_environment.h"
#include "cpu/runtime/thread_team.h"
#include "cpu/table/block_shares.h"
#include "cpu/table/build_kernels.h"
#include "cpu/table/leftovers.h"

namespace pysampler {
namespace {

[[noreturn]] void changed_while_built() { throw InvalidWeights{InvalidWeights::Reason::kChangedMeanwhile}; }

// One construction: the passes in their order, and what they hand to each other.
class Builder {
 public:
  Builder(WeightView weights, AliasEntry* table, const Execution& execution)
      : weights_(weights),
        table_(table),
        kernels_(build_kernels(execution.target)),
        shares_(weights, execution),
        execution_(shares_.execution()) {}

  void run() {
    if (!shares_.sum()) {
      count_positive(weights_, execution_);  // throws and says what is wrong
      changed_while_built();
    }
    shares_.share(execution_);
    pack();
    if (!place_leftovers(leftovers_, table_, execution_)) changed_while_built();
  }

 private:
  void pack() {
    const uint64_t tasks = shares_.tasks();
    leftovers_.resize(tasks);
    parallel_for_workers(tasks, execution_, [&] {
      const std::shared_ptr<Scratch> scratch(new Scratch);  // unfilled: make_shared writes zeros
      return Task([this, scratch](uint64_t task) { pack_task(task, *scratch); });
    });
  }

  // One thread's working memory.
  struct Scratch {
    PackedBlock packed;
    Leftovers leftovers;
  };

  void pack_task(uint64_t task, Scratch& scratch) {
    Leftovers& working = scratch.leftovers;
    working.lights.clear();
    working.heavies.clear();
    working.deficit = working.excess = 0;
    const uint64_t first = shares_.first_block(task), end = first + shares_.block_count(task);
    uint64_t before = shares_.units_before(first);
    for (uint64_t block = first; block < end; ++block) {
      const uint64_t units = shares_.units_before(block + 1);
      if (!kernels_.pack_block(weights_, shares_.rule(), block, units - before, scratch.packed, table_)) changed_while_built();
      collect(scratch.packed, working);
      before = units;
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
      const uint64_t given = block.deficit_done, had = block.excess[j];
      if (had < given) {  // has become a light
        table_[block.heavy_id[j]].threshold = static_cast<uint32_t>(kSlotMass - (given - had));
        to.lights.push_back(block.heavy_id[j]);
        to.deficit += given - had;
      } else {
        collect_heavy(had - given, block.heavy_id[j]);
      }
      for (++j; j < block.heavies; ++j) collect_heavy(block.excess[j] - block.excess[j - 1], block.heavy_id[j]);
    }
    to.lights.insert(to.lights.end(), block.light_id + i, block.light_id + block.lights);
    to.deficit += block.deficit_all - block.deficit_done;
  }

  const WeightView weights_;
  AliasEntry* const table_;
  const BuildKernels& kernels_;
  BlockShares shares_;
  const Execution execution_;
  std::vector<Leftovers> leftovers_;
};

}  // namespace

void build(WeightView weights, AliasEntry* table, const Execution& execution) {
  const StandardFloats standard_floats;
  ThreadTeam team;  // for the sums, the packing and the leftovers
  Execution together = execution;
  if (together.team == nullptr) together.team = &team;
  Builder(weights, table, together).run();
}

}  // namespace pysampler
