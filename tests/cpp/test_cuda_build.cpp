// The GPU's construction of tables, its passes run on the CPU over the grids that the launcher computes: byte for byte
// the tables of the CPU's own construction, and the same judgement of bad weights.
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "gpu_build.h"
#include "random.h"
#include "table_checks.h"
#include "weight_families.h"

namespace pysampler {
namespace {

using cuda::ThreadOrder;
using Reason = InvalidWeights::Reason;

template <class Weight>
void check_same(const std::string& name, const std::vector<Weight>& weights,
                ThreadOrder order = ThreadOrder::kForward, uint32_t multiprocessors = 132) {
  const GpuBuilt built = build_as_gpu(weights, order, multiprocessors);
  const bool same = built.outcome.is_good() && same_table(built.table, table_of(weights));
  if (!same) std::fprintf(stderr, "%s, %zu items of %zu bytes\n", name.c_str(), weights.size(), sizeof(Weight));
  CHECK(same);
}

void check_family(const WeightFamily& family, uint64_t items, ThreadOrder order = ThreadOrder::kForward,
                  uint32_t multiprocessors = 132) {
  const std::vector<double> weights = family.weights(items);
  check_same(family.name, weights, order, multiprocessors);
  if (!family.is_float32) return;
  check_same(family.name, std::vector<float>(weights.begin(), weights.end()), order, multiprocessors);
}

void test_every_family_gives_the_table_of_the_cpu() {
  for (const WeightFamily& family : weight_families()) {
    for (const uint64_t items :
         {1, 2, 3, 7, 8, 9, 15, 16, 17, 100, 1007, 1023, 1024, 1025, 2048, 2049, 32767, 33000}) {
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
    for (const uint64_t items : {1, 1000, 5000}) check_family(family, items, ThreadOrder::kBackward);
  }
}

// On one multiprocessor, a warp places the leftovers of several blocks.
void test_the_size_of_the_device_changes_nothing() {
  for (size_t i = 0; i < weight_families().size(); i += 3) {
    check_family(weight_families()[i], 150'000, ThreadOrder::kForward, 1);
  }
}

// Whatever bits a number may have, most of them far apart.
template <class Weight, class Bits>
void check_random_bits(uint64_t seed) {
  Random random(seed);
  for (int round = 0; round < 400; ++round) {
    std::vector<Weight> weights(1 + random.below(round % 8 == 0 ? 5000 : 40));
    for (Weight& weight : weights) {
      do {
        const auto bits = static_cast<Bits>(random.bits());
        std::memcpy(&weight, &bits, sizeof weight);
        if (random.below(4) == 0) weight = 0;
      } while (!is_valid(weight));
    }
    weights[random.below(weights.size())] = 1;
    check_same("random bits", weights);
  }
}

void test_any_valid_bits_give_the_table_of_the_cpu() {
  check_random_bits<float, uint32_t>(1);
  check_random_bits<double, uint64_t>(2);
}

// Sums of deficits and of excesses often meet exactly, within blocks and over many of them.
void test_small_whole_numbers_give_the_table_of_the_cpu() {
  Random random(4);
  for (int round = 0; round < 300; ++round) {
    std::vector<float> weights(1 + random.below(round % 20 == 0 ? 20'000 : 2500));
    const uint64_t distinct = 1 + random.below(6);
    for (float& weight : weights) weight = static_cast<float>(random.below(distinct + 1));
    weights[random.below(weights.size())] = 1;
    if (round % 3 == 0) std::sort(weights.begin(), weights.end());
    check_same("small whole numbers", weights);
  }
}

// Spread so that some masses lie just below, at and above the limits of the rules.
void test_masses_around_the_limits_give_the_table_of_the_cpu() {
  Random random(6);
  const double limits[] = {0.5, 1.0, 2.0, 63.0, 64.0, 65.0, 4294967295.0, 4294967296.0, 4294967297.0};
  for (int round = 0; round < 150; ++round) {
    std::vector<double> weights(2 + random.below(3000));
    for (double& weight : weights) weight = limits[random.below(9)] * (1 + (random.uniform() - 0.5) * 0x1p-30);
    weights[0] = 0x1p32 * static_cast<double>(weights.size());
    check_same("around the limits", weights);
  }
}

template <class Weight>
InvalidWeights refusal_of_cpu(const std::vector<Weight>& weights) {
  try {
    table_of(weights);
  } catch (const InvalidWeights& error) {
    return error;
  }
  CHECK(!"the CPU refuses these weights");
  return {};
}

template <class Weight>
void check_refused_alike(const std::vector<Weight>& weights) {
  const InvalidWeights expected = refusal_of_cpu(weights);
  const cuda::BuildOutcome found = build_as_gpu(weights).outcome;
  CHECK(!found.is_good() && found.changed == 0);
  if (expected.reason == Reason::kAllZero) {
    CHECK(found.invalid.reason == Reason::kAllZero);
    return;
  }
  CHECK(expected.reason == Reason::kNotFiniteOrNegative && found.invalid.reason == Reason::kNotFiniteOrNegative);
  CHECK(found.invalid.first_index == expected.first_index && found.invalid.bad_count == expected.bad_count);
  CHECK(std::memcmp(&found.invalid.first_value, &expected.first_value, sizeof(double)) == 0);
}

template <class Weight>
void check_bad_weights() {
  using Limits = std::numeric_limits<Weight>;
  const Weight bad[] = {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(),
                        Weight{-1},          -Limits::max(),     -Limits::denorm_min()};
  Random random(3);
  for (const uint64_t items : {1, 2, 17, 1024, 1025, 70'000}) {
    for (const Weight value : bad) {
      for (const uint64_t place : {uint64_t{0}, items / 2, items - 1}) {
        std::vector<Weight> weights(items, Weight{1});
        weights[place] = value;
        check_refused_alike(weights);
        for (int more = 0; more < 5; ++more) weights[random.below(items)] = bad[random.below(6)];
        check_refused_alike(weights);
        for (Weight& weight : weights) weight = weight == 1 ? Limits::max() : weight;  // sums overflow
        check_refused_alike(weights);
      }
    }
    check_refused_alike(std::vector<Weight>(items, Weight{0}));
    check_refused_alike(std::vector<Weight>(items, -Weight{0}));
    check_refused_alike(std::vector<Weight>(items, Limits::quiet_NaN()));
  }
}

void test_bad_weights_are_refused_for_the_reason_that_the_cpu_gives() {
  check_bad_weights<float>();
  check_bad_weights<double>();
}

void test_no_two_passes_share_memory_by_mistake() {
  for (const uint64_t items : {uint64_t{1}, uint64_t{1024}, uint64_t{1025}, uint64_t{100'000}, kMaxItems}) {
    cuda::Scratch scratch(nullptr);
    const cuda::BuildJob job = cuda::lay_out(nullptr, items, nullptr, scratch);
    const uint64_t blocks = (items + 1023) / 1024;
    // In the order in which they are laid out.
    const std::vector<std::pair<const void*, uint64_t>> parts = {
        {job.state, sizeof *job.state},
        {job.seen, (blocks + 31) / 32 * sizeof *job.seen},
        {job.sums, blocks * 8},
        {job.small_units, blocks * 8},
        {job.cumulative, blocks * 8},
        {job.quotas, blocks * 8},
        {job.leftovers.lights, blocks * 4},
        {job.leftovers.heavies, blocks * 4},
        {job.leftovers.deficit, (blocks + 1) * 8},
        {job.leftovers.excess, (blocks + 1) * 8},
        {job.leftovers.amounts, blocks * 8192},
        {job.leftovers.places, blocks * 2048},
    };
    uint64_t end = 0;
    for (const auto& [start, bytes] : parts) {
      CHECK(reinterpret_cast<uintptr_t>(start) >= end && reinterpret_cast<uintptr_t>(start) % 256 == 0);
      end = reinterpret_cast<uintptr_t>(start) + bytes;
    }
    CHECK(end <= cuda::build_scratch_bytes(items));
    CHECK(cuda::build_scratch_bytes(items) < 15'000 + items / 1000 * 10'310);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_every_family_gives_the_table_of_the_cpu);
  RUN(test_many_blocks_give_the_table_of_the_cpu);
  RUN(test_the_order_of_threads_and_blocks_changes_nothing);
  RUN(test_the_size_of_the_device_changes_nothing);
  RUN(test_any_valid_bits_give_the_table_of_the_cpu);
  RUN(test_small_whole_numbers_give_the_table_of_the_cpu);
  RUN(test_masses_around_the_limits_give_the_table_of_the_cpu);
  RUN(test_no_two_passes_share_memory_by_mistake);
  RUN(test_bad_weights_are_refused_for_the_reason_that_the_cpu_gives);
  return finish_tests();
}
