// Tables of every family of weights keep every promise, on every target, from both types.
#include <cmath>
#include <vector>

#include "cpu/table/build.h"
#include "table_checks.h"
#include "targets.h"
#include "weight_families.h"

namespace pysampler {
namespace {

const std::vector<uint64_t> kItemCounts = {1, 2, 3, 15, 16, 17, 100, 1023, 1024, 1025, 3000, 4096, 5121, 40000};

std::vector<float> as_float32(const std::vector<double>& weights) { return {weights.begin(), weights.end()}; }

void test_every_family_gives_a_sound_table() {
  for (const WeightFamily& family : weight_families()) {
    for (const uint64_t items : kItemCounts) {
      const std::vector<double> weights = family.weights(items);
      const std::vector<AliasEntry> table = table_of(weights);
      check_sound(family.name, weights, table);
      for_each_target([&](Target target) { CHECK(same_table(table_of(weights, target), table)); });
    }
  }
}

void test_float32_weights_give_the_table_of_the_same_float64_weights() {
  for (const WeightFamily& family : weight_families()) {
    if (!family.is_float32) continue;
    for (const uint64_t items : kItemCounts) {
      const std::vector<float> narrow = as_float32(family.weights(items));
      const std::vector<double> wide(narrow.begin(), narrow.end());
      const std::vector<AliasEntry> table = table_of(wide);
      check_sound(family.name + " in float32", narrow, table);
      for_each_target([&](Target target) { CHECK(same_table(table_of(narrow, target), table)); });
    }
  }
}

void test_several_tasks_give_a_sound_table() {
  for (const WeightFamily& family : weight_families()) {
    const std::vector<double> weights = family.weights(140001);
    check_sound(family.name, weights, table_of(weights, supported_targets().front(), 2));
  }
}

// Weights only matter relative to each other, so a power of two changes nothing, whichever prescale it leads to.
void test_scaling_by_a_power_of_two_changes_nothing() {
  for (const uint64_t items : {1, 17, 3000}) {
    for (const WeightFamily& family : weight_families()) {
      if (!family.is_float32) continue;  // room to scale up and down
      const std::vector<double> weights = family.weights(items);
      const std::vector<AliasEntry> table = table_of(weights);
      for (const int exponent : {-870, -460, -300, -1, 1, 10, 300, 460, 890}) {
        std::vector<double> scaled = weights;
        for (double& weight : scaled) weight = std::ldexp(weight, exponent);
        CHECK(same_table(table_of(scaled), table));
      }
    }
  }
}

void test_equal_weights_give_full_slots() {
  for (const uint64_t items : {1, 2, 16, 1000, 1024, 100000}) {
    for (const double weight : {1.0, 0.1, 3e-310, 1.7e308}) {
      const std::vector<AliasEntry> table = table_of(std::vector<double>(items, weight));
      std::vector<uint64_t> masses(items);
      table_masses({table.data(), items}, masses.data());
      for (const uint64_t mass : masses) CHECK(mass + 2 > kSlotMass && mass < kSlotMass + 2);
    }
  }
}

void test_whole_multiples_of_a_slot_are_exact() {
  const std::vector<AliasEntry> table = table_of(std::vector<double>{3, 0, 1, 0, 2, 0});
  std::vector<uint64_t> masses(6);
  table_masses({table.data(), 6}, masses.data());
  CHECK(masses == (std::vector<uint64_t>{3 * kSlotMass, 0, kSlotMass, 0, 2 * kSlotMass, 0}));
}

void test_negative_zero_is_zero() {
  const std::vector<double> weights = {-0.0, 1, 2, -0.0};
  check_sound("negative zeros", weights, table_of(weights));
  CHECK(same_table(table_of(weights), table_of(std::vector<double>{0, 1, 2, 0})));
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_every_family_gives_a_sound_table);
  RUN(test_float32_weights_give_the_table_of_the_same_float64_weights);
  RUN(test_several_tasks_give_a_sound_table);
  RUN(test_scaling_by_a_power_of_two_changes_nothing);
  RUN(test_equal_weights_give_full_slots);
  RUN(test_whole_multiples_of_a_slot_are_exact);
  RUN(test_negative_zero_is_zero);
  return finish_tests();
}
