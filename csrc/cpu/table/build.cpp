#include "cpu/table/build.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/alias_build.h"
#include "cpu/runtime/float_environment.h"
#include "cpu/runtime/thread_team.h"
#include "cpu/table/block_shares.h"
#include "cpu/table/build_kernels.h"
#include "cpu/table/leftovers.h"
#include "cpu/table/list_memory.h"

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
      Scratch& scratch = new_scratch();
      return Task([this, &scratch](uint64_t task) { pack_task(task, scratch); });
    });
  }

  // One thread's working memory. It stays until the end: lists may lie in it.
  struct Scratch {
    explicit Scratch(ListMemory& memory) : lights(memory), heavies(memory) {}

    PackedBlock packed;
    ListWriter lights, heavies;
  };

  Scratch& new_scratch() {
    std::unique_ptr<Scratch> scratch(new Scratch(list_memory_));  // unfilled: make_unique writes zeros
    const std::lock_guard<std::mutex> lock(scratches_mutex_);
    scratches_.push_back(std::move(scratch));
    return *scratches_.back();
  }

  void pack_task(uint64_t task, Scratch& scratch) {
    Leftovers leftovers;
    const uint64_t first = shares_.first_block(task), end = first + shares_.block_count(task);
    uint64_t before = shares_.units_before(first);
    for (uint64_t block = first; block < end; ++block) {
      const uint64_t units = shares_.units_before(block + 1);
      if (!kernels_.pack_block(weights_, shares_.rule(), block, units - before, scratch.packed, table_)) changed_while_built();
      collect(scratch, leftovers);
      before = units;
    }
    leftovers.lights = scratch.lights.take_list();
    leftovers.heavies = scratch.heavies.take_list();
    leftovers_[task] = leftovers;
  }

  // What the merge inside a block did not place. A heavy with exactly a slot's mass needs nobody.
  void collect(Scratch& scratch, Leftovers& to) {
    const PackedBlock& block = scratch.packed;
    uint32_t *light = scratch.lights.next(kBlockItems), *heavy = scratch.heavies.next(kBlockItems);
    const auto collect_heavy = [&](uint64_t excess, uint32_t item) {
      if (excess == 0) {
        table_[item] = full_slot(item);
      } else {
        keep_excess(&table_[item], excess);
        *heavy++ = item;
        to.excess += excess;
      }
    };
    const uint64_t i = block.lights_done;
    uint64_t j = block.heavies_done;
    if (j < block.heavies) {
      const uint64_t given = block.deficit_done, had = block.excess[j];
      if (had < given) {  // has become a light
        table_[block.heavy_id[j]].threshold = static_cast<uint32_t>(kSlotMass - (given - had));
        *light++ = block.heavy_id[j];
        to.deficit += given - had;
      } else {
        collect_heavy(had - given, block.heavy_id[j]);
      }
      for (++j; j < block.heavies; ++j) collect_heavy(block.excess[j] - block.excess[j - 1], block.heavy_id[j]);
    }
    light = std::copy(block.light_id + i, block.light_id + block.lights, light);
    to.deficit += block.deficit_all - block.deficit_done;
    scratch.lights.set_end(light);
    scratch.heavies.set_end(heavy);
  }

  const WeightView weights_;
  AliasEntry* const table_;
  const BuildKernels& kernels_;
  BlockShares shares_;
  const Execution execution_;
  ListMemory list_memory_;
  std::mutex scratches_mutex_;
  std::vector<std::unique_ptr<Scratch>> scratches_;
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
