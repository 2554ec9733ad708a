// Draws without replacement against their definition, for every target and number of threads.
#include "cpu/without_replacement/without_replacement.h"

#include <numeric>
#include <stdexcept>
#include <vector>

#include "check.h"
#include "cpu/table/build.h"
#include "cpu/without_replacement/exponential_race.h"
#include "successive_reference.h"
#include "targets.h"
#include "weight_families.h"

namespace pysampler {
namespace {

constexpr int64_t kUntouched = -7;

std::vector<AliasEntry> table_of(const OwnedWeights& weights) {
  std::vector<AliasEntry> table(weights.count());
  build(weights.view(), table.data(), {1, {}, Target::kPortable});
  return table;
}

// `count` draws; one more place must stay untouched.
bool draws_are(const WithoutReplacement& request, Target target, int threads, const std::vector<int64_t>& expected) {
  std::vector<int64_t> out(expected.size() + 1, kUntouched);
  draw_without_replacement(request, expected.size(), out.data(), {threads, {}, target});
  return std::equal(expected.begin(), expected.end(), out.begin()) && out.back() == kUntouched;
}

void check_family(const WeightFamily& family, uint64_t items, WeightType type) {
  const OwnedWeights weights(family.weights(items), type);
  const std::vector<AliasEntry> table = table_of(weights);
  const uint64_t positive = weights.positive();
  for (const uint64_t wanted : {uint64_t{1}, items * 2 / 5, items}) {
    const uint64_t count = std::min(wanted, positive);
    for (const AliasEntry* standing : {static_cast<const AliasEntry*>(nullptr), table.data()}) {
      const WithoutReplacement request = {weights.view(), standing, 42, 7, 1000003};
      const std::vector<int64_t> expected = reference_without_replacement(weights, standing, 42, 7, 1000003, count);
      for_each_target([&](Target target) { CHECK(draws_are(request, target, 1, expected)); });
      CHECK(draws_are(request, Target::kPortable, 2, expected));
      CHECK(draws_are(request, supported_targets().front(), 3, expected));
    }
  }
}

void test_every_family_of_weights_gives_the_defined_order() {
  for (const WeightFamily& family : weight_families()) {
    for (const uint64_t items : {1, 17, 1000, 4096, 4097}) {
      check_family(family, items, WeightType::kFloat64);
      if (family.is_float32) check_family(family, items, WeightType::kFloat32);
    }
  }
}

void test_any_number_of_threads_gives_the_same_draws() {
  const uint64_t items = 140007;  // several tasks
  for (const WeightFamily& family : weight_families()) {
    if (family.name != "uniform" && family.name != "a few outweigh all") continue;
    const OwnedWeights weights(family.weights(items), WeightType::kFloat32);
    const std::vector<AliasEntry> table = table_of(weights);
    const auto check = [&](const AliasEntry* standing, uint64_t count) {
      const WithoutReplacement request = {weights.view(), standing, 3, 5, 0};
      const std::vector<int64_t> expected = reference_without_replacement(weights, standing, 3, 5, 0, count);
      for (const int threads : {1, 2, 3, 8}) {
        CHECK(draws_are(request, supported_targets().front(), threads, expected));
      }
    };
    check(nullptr, items);
    check(nullptr, items / 10);
    check(table.data(), items / 3);
  }
}

void test_overlapped_chunks_equal_chunks_one_by_one() {
  const uint64_t items = 1400000, count = 540000;
  const OwnedWeights weights(std::vector<double>(items, 1.0), WeightType::kFloat32);
  std::vector<AliasEntry> table(items);
  for (uint64_t i = 0; i < items; ++i) table[i] = full_slot(static_cast<uint32_t>(i));
  const WithoutReplacement request = {weights.view(), table.data(), 3, 5, 0};
  const std::vector<int64_t> expected = reference_without_replacement(weights, table.data(), 3, 5, 0, count);
  for (const int threads : {1, 2, 8}) CHECK(draws_are(request, supported_targets().front(), threads, expected));
}

Race race_of(const OwnedWeights& weights) {
  return {weights.view(), weights.scale(), make_stream(1, 2, Tag::kRace), 0, nullptr, supported_targets().front()};
}

bool race_is(const Race& race, const std::vector<int64_t>& order, uint64_t count) {
  std::vector<int64_t> out(count);
  run_race(race, count, out.data(), {2, {}});
  return std::equal(out.begin(), out.end(), order.begin());
}

// Weights that single out the sampled items make the sampled limit far too low.
void test_a_plan_that_falls_short_is_noticed_and_replaced() {
  const uint64_t items = 100000, count = 20000;
  std::vector<double> values(items, 1.0);
  for (const uint32_t item : sampled_items(items)) values[item] = 1e6;
  const OwnedWeights weights(values, WeightType::kFloat64);
  const Race race = race_of(weights);
  const std::vector<int64_t> order = reference_race(weights, race.stream, 0, std::vector<bool>(items));
  std::vector<int64_t> out(count, kUntouched);
  CHECK(!run_planned_race(race, plan_by_sample(race, count), count, out.data(), {2, {}}));
  CHECK(out == std::vector<int64_t>(count, kUntouched));
  CHECK(race_is(race, order, count));
  const RacePlan exact = plan_by_histogram(race, count, {2, {}});
  CHECK(exact.expected >= count && exact.expected < count + count / 8);
}

// Codes made from no sample are far too coarse: nearly all items in a few buckets, and many ties to settle.
void test_uneven_codes_and_ties_are_settled() {
  const uint64_t items = 300000;
  const OwnedWeights weights(std::vector<double>(items, 1.0), WeightType::kFloat32);
  const Race race = race_of(weights);
  const std::vector<int64_t> order = reference_race(weights, race.stream, 0, std::vector<bool>(items));
  RacePlan plan = {kLargestKey, items, KeyCodes(nullptr, 0, kLargestKey)};
  std::vector<int64_t> out(items);
  CHECK(run_planned_race(race, plan, items, out.data(), {2, {}}));
  CHECK(out == order);
}

void test_too_few_positive_weights_are_an_error_not_a_crash() {
  for (const uint64_t items : {100, 5000}) {
    std::vector<double> values(items, 0.0);
    values[3] = 1.0;
    const OwnedWeights weights(values, WeightType::kFloat64);
    std::vector<int64_t> out(2);
    const auto draw_two = [&] {
      draw_without_replacement({weights.view(), nullptr, 1, 1, 0}, 2, out.data(), {1, {}, Target::kPortable});
      return 0;
    };
    CHECK(THROWS(draw_two(), std::invalid_argument));
  }
}

// Weights that shrink while they are read: the first plan falls short as above, and of the items that the second one was
// made for hardly any is below its limit any more.
void test_weights_that_change_meanwhile_are_an_error_and_nothing_is_returned_as_drawn() {
  const uint64_t items = 100000, count = 20000;
  std::vector<float> values(items, 1.0f);
  for (const uint32_t item : sampled_items(items)) values[item] = 1e6f;
  const WeightView weights = {values.data(), items, WeightType::kFloat32};
  const auto shrink = [&] {
    for (float& value : values) value *= 1e-4f;
    return false;
  };
  std::vector<int64_t> out(count, kUntouched);
  const auto draw = [&] {
    draw_without_replacement({weights, nullptr, 1, 1, 0}, count, out.data(), {1, shrink, Target::kPortable});
    return 0;
  };
  CHECK(THROWS(draw(), InvalidWeights));
  CHECK(out == std::vector<int64_t>(count, kUntouched));
}

void test_a_long_call_can_be_interrupted() {
  const uint64_t items = 200000;
  const OwnedWeights weights(std::vector<double>(items, 1.0), WeightType::kFloat32);
  const std::vector<AliasEntry> table = table_of(weights);
  std::vector<int64_t> out(items);
  for (const AliasEntry* standing : {static_cast<const AliasEntry*>(nullptr), table.data()}) {
    for (const int threads : {1, 2}) {
      const auto draw_many = [&] {
        const WithoutReplacement request = {weights.view(), standing, 1, 1, 0};
        draw_without_replacement(request, items / 3, out.data(), {threads, [] { return true; }, Target::kPortable});
        return 0;
      };
      CHECK(THROWS(draw_many(), Interrupted));
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_every_family_of_weights_gives_the_defined_order);
  RUN(test_any_number_of_threads_gives_the_same_draws);
  RUN(test_overlapped_chunks_equal_chunks_one_by_one);
  RUN(test_a_plan_that_falls_short_is_noticed_and_replaced);
  RUN(test_uneven_codes_and_ties_are_settled);
  RUN(test_too_few_positive_weights_are_an_error_not_a_crash);
  RUN(test_weights_that_change_meanwhile_are_an_error_and_nothing_is_returned_as_drawn);
  RUN(test_a_long_call_can_be_interrupted);
  return finish_tests();
}
