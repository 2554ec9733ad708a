// sanitizer: out-of-range float conversions are expected
// Weights that another thread edits while a table is built from them: an error or a table that can be drawn from, never
// a crash, never a slot left unwritten. This is a race on purpose, so ThreadSanitizer has no say here.
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "cpu/table/build_kernels.h"
#include "random.h"
#include "table_checks.h"
#include "targets.h"

namespace pysampler {
namespace {

using Limits = std::numeric_limits<double>;

// What an edit may put in place of a weight.
const std::vector<double> kEdits = {0.0,
                                    1.0,
                                    0.5,
                                    1e-9,
                                    1e9,
                                    -1.0,
                                    -1e-9,
                                    -1e-15,
                                    1e20,
                                    1e300,
                                    -1e300,
                                    Limits::quiet_NaN(),
                                    Limits::infinity(),
                                    -Limits::infinity(),
                                    5e-324};

// Between the sums and the packing, every way to replace a weight by another. Whatever is packed must be masses that
// add up without a wrap to what the block may have.
void check_replaced(std::vector<double> weights, double edit, uint64_t place, Target target) {
  const BuildKernels& kernels = build_kernels(target);
  const WeightView view = view_of(weights);
  ScanResult scan;
  double sum;
  kernels.sum_blocks(view, 1.0, 0, 1, &sum, &scan);
  const double scale = static_cast<double>(weights.size()) * 0x1p32 / sum;
  const uint64_t quota = weights.size() * kSlotMass;
  weights[place] = edit;
  std::vector<AliasEntry> table(weights.size(), {0xDEADBEEFu, 0xFFFFFFFFu});
  const std::vector<PackedBlock> scratch(1);
  PackedBlock& block = const_cast<PackedBlock&>(scratch[0]);
  for (const bool any_small : {false, true}) {
    if (!kernels.pack_block(view, {1.0, scale, scale, any_small}, 0, quota, block, table.data())) continue;
    CHECK(block.lights + block.heavies == weights.size());
    for (uint64_t j = 0; j < block.heavies; ++j) {
      CHECK(block.excess[j] >= (j == 0 ? 0 : block.excess[j - 1]));
      CHECK(block.excess[j] <= quota);
    }
  }
}

void test_a_weight_replaced_between_the_passes_is_noticed_or_harmless() {
  for (const double usual : {1.0, 0.0}) {
    std::vector<double> weights(100, 1.0);
    for (uint64_t i = 0; i < 50; ++i) weights[i] = usual;
    for (const double edit : kEdits) {
      for_each_target([&](Target target) { check_replaced(weights, edit, 7, target); });
    }
  }
}

// Builds tables for a while from weights that another thread goes on editing.
void check_edited(uint64_t items, int threads, const std::vector<double>& usual, const std::vector<double>& edits) {
  std::vector<double> weights(items);
  for (uint64_t i = 0; i < items; ++i) weights[i] = usual[i % usual.size()];
  std::atomic<bool> done{false};
  std::thread editor([&] {
    Random random(items);
    while (!done) {
      const uint64_t place = random.below(items);
      for (const double value : {edits[random.below(edits.size())], usual[place % usual.size()]}) {
        uint64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        __atomic_store_n(reinterpret_cast<uint64_t*>(&weights[place]), bits, __ATOMIC_RELAXED);
      }
    }
  });
  std::vector<AliasEntry> table(items);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
  while (std::chrono::steady_clock::now() < end) {
    for_each_target([&](Target target) {
      table.assign(items, {0xDEADBEEFu, 0xFFFFFFFFu});
      try {
        build(view_of(weights), table.data(), {threads, {}, target});
        CHECK(aliases_in_range({table.data(), items}));
      } catch (const InvalidWeights&) {
      }
    });
  }
  done = true;
  editor.join();
}

void test_edits_during_a_build_never_leave_a_slot_unwritten() {
  for (const uint64_t items : {20, 3000, 200000}) {
    check_edited(items, 1, {1.0, 2.0}, {1.5, 3.0, 1e-3});
    check_edited(items, 2, {1.0, 0.0}, kEdits);
    check_edited(items, 1, {0.0, 0.0, 0.0, 5.0}, {Limits::quiet_NaN(), -1e-12});
    check_edited(items, 1, {1e-12, 1.0}, {-1e-12, 1e-12, 0.0, -1.0});
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_a_weight_replaced_between_the_passes_is_noticed_or_harmless);
  RUN(test_edits_during_a_build_never_leave_a_slot_unwritten);
  return finish_tests();
}
