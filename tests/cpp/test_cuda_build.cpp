// The GPU's construction of tables, its passes run on the CPU over the grids that the launcher computes: byte for byte
// the tables of the CPU's own construction, and the same judgement of bad weights.
#include <algorithm>
#include <limits>
#include <vector>

#include "cuda/table/build_passes.h"
#include "table_checks.h"
#include "weight_families.h"

namespace pysampler {
namespace {

using cuda::BuildJob;
using cuda::BuildOutcome;
using cuda::BuildStatus;
using cuda::Grid;
using cuda::ThreadOrder;

struct CpuQueue {
  ThreadOrder order;

  template <class Body>
  void team(const Body& body, uint32_t blocks) {
    run_team_on_cpu(body, blocks, order);
  }
  template <class Body>
  void body(const Body& body, Grid grid) {
    cuda::run_on_cpu(body, grid);
  }
};

struct Built {
  BuildOutcome outcome;
  std::vector<AliasEntry> table;
};

template <class Weight>
Built build_as_gpu(const std::vector<Weight>& weights, ThreadOrder order = ThreadOrder::kForward,
                   uint32_t multiprocessors = 132) {
  const uint64_t items = weights.size();
  Built built = {{}, std::vector<AliasEntry>(items, {0xDEADBEEFu, 0xFFFFFFFFu})};
  // Whatever the memory held before.
  std::vector<uint64_t> memory(cuda::build_scratch_bytes(items) / sizeof(uint64_t), 0xA5A5A5A5A5A5A5A5u);
  cuda::Scratch scratch(memory.data());
  const BuildJob job = cuda::lay_out(weights.data(), items, built.table.data(), scratch);
  CHECK(scratch.bytes() == memory.size() * sizeof(uint64_t));
  CpuQueue queue = {order};
  cuda::queue_passes<Weight>(job, multiprocessors, queue);
  built.outcome = job.state->outcome;
  return built;
}

template <class Weight>
void check_same(const std::string& name, const std::vector<Weight>& weights,
                ThreadOrder order = ThreadOrder::kForward) {
  const Built built = build_as_gpu(weights, order);
  const bool same = built.outcome.is_good() && same_table(built.table, table_of(weights));
  if (!same) std::fprintf(stderr, "%s, %zu items of %zu bytes\n", name.c_str(), weights.size(), sizeof(Weight));
  CHECK(same);
}

void check_family(const WeightFamily& family, uint64_t items, ThreadOrder order = ThreadOrder::kForward) {
  const std::vector<double> weights = family.weights(items);
  check_same(family.name, weights, order);
  if (family.is_float32) check_same(family.name, std::vector<float>(weights.begin(), weights.end()), order);
}

void test_every_family_gives_the_table_of_the_cpu() {
  for (const WeightFamily& family : weight_families()) {
    for (const uint64_t items :
         {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 100, 1007, 1023, 1024, 1025, 2047, 2048, 2049, 5000, 32767, 33000, 66001}) {
      check_family(family, items);
    }
  }
}

void test_many_blocks_give_the_table_of_the_cpu() {
  for (const WeightFamily& family : weight_families()) check_family(family, 300'017);
}

// No step may depend on which of its threads comes first.
void test_the_order_of_threads_and_blocks_changes_nothing() {
  for (const WeightFamily& family : weight_families()) {
    for (const uint64_t items : {1, 1000, 40'000}) check_family(family, items, ThreadOrder::kBackward);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_every_family_gives_the_table_of_the_cpu);
  RUN(test_many_blocks_give_the_table_of_the_cpu);
  RUN(test_the_order_of_threads_and_blocks_changes_nothing);
  return finish_tests();
}
