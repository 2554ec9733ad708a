// Tables of random weights, many of them strange: sound tables, or the same refusal as count_positive().
#include <cfloat>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "random.h"
#include "table_checks.h"
#include "targets.h"

namespace pysampler {
namespace {

// NaN, infinities, denormals, negative numbers: every bit pattern is as likely.
template <class Weight>
Weight any_bits(Random& random) {
  const uint64_t bits = sizeof(Weight) == 4 ? random.bits() << 32 : random.bits();
  Weight weight;
  std::memcpy(&weight, reinterpret_cast<const char*>(&bits) + (8 - sizeof weight), sizeof weight);
  return weight;
}

template <class Weight>
Weight valid_bits(Random& random) {
  for (;;) {
    const Weight weight = std::fabs(any_bits<Weight>(random));
    if (std::isfinite(weight)) return weight;
  }
}

template <class Work>
std::optional<InvalidWeights> refusal_of(Work work) {
  try {
    work();
  } catch (const InvalidWeights& error) {
    return error;
  }
  return std::nullopt;
}

template <class Weight>
void check_build(const std::vector<Weight>& weights) {
  const auto expected = refusal_of([&] { count_positive(view_of(weights)); });
  std::vector<std::vector<AliasEntry>> tables;
  for_each_target([&](Target target) {
    const auto refusal = refusal_of([&] { tables.push_back(table_of(weights, target)); });
    CHECK(refusal.has_value() == expected.has_value());
    if (!refusal || !expected) return;
    CHECK(refusal->reason == expected->reason && refusal->first_index == expected->first_index);
    CHECK(refusal->bad_count == expected->bad_count);
    CHECK(std::memcmp(&refusal->first_value, &expected->first_value, sizeof(double)) == 0);
  });
  for (const auto& table : tables) CHECK(same_table(table, tables.front()));
  if (!tables.empty()) check_sound("random", weights, tables.front());
}

template <class Weight>
void check_random_bits(Weight (*next)(Random&)) {
  Random random(sizeof(Weight));
  for (int round = 0; round < 1500; ++round) {
    std::vector<Weight> weights(1 + random.below(round % 20 == 0 ? 3000 : 30));
    const uint64_t zeros = random.below(4);
    for (Weight& weight : weights) weight = random.below(4) < zeros ? Weight(0) : next(random);
    check_build(weights);
  }
}

void test_any_float32_bits_give_a_sound_table_or_a_refusal() { check_random_bits<float>(any_bits<float>); }
void test_any_float64_bits_give_a_sound_table_or_a_refusal() { check_random_bits<double>(any_bits<double>); }
void test_any_valid_float32_bits_give_a_sound_table() { check_random_bits<float>(valid_bits<float>); }
void test_any_valid_float64_bits_give_a_sound_table() { check_random_bits<double>(valid_bits<double>); }

// A few distinct whole numbers: ties, and masses that meet exactly.
void test_small_whole_numbers_give_sound_tables() {
  Random random(5);
  for (int round = 0; round < 3000; ++round) {
    std::vector<float> weights(1 + random.below(round % 30 == 0 ? 2500 : 12));
    const uint64_t distinct = 1 + random.below(6);
    for (float& weight : weights) weight = static_cast<float>(random.below(distinct + 1));
    check_build(weights);
  }
}

// Spread so that some masses lie just below, at and above the limits of the rules.
void test_masses_around_the_limits_give_sound_tables() {
  Random random(6);
  const double limits[] = {0.5, 1.0, 2.0, 63.0, 64.0, 65.0, 4294967295.0, 4294967296.0, 4294967297.0};
  for (int round = 0; round < 1500; ++round) {
    std::vector<double> weights(2 + random.below(1500));
    for (double& weight : weights) weight = limits[random.below(9)] * (1 + (random.uniform() - 0.5) * 0x1p-30);
    weights[0] = 0x1p32 * weights.size();
    check_build(weights);
  }
}

void test_a_bad_weight_is_found_at_any_place() {
  for (const uint64_t items : {1, 16, 17, 1024, 1025, 66000}) {
    std::vector<double> weights(items, 1.0);
    for (uint64_t place = 0; place < items; place += 1 + items / 97) {
      for (const double bad : {-DBL_TRUE_MIN, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
        weights[place] = bad;
        const auto refusal = refusal_of([&] { table_of(weights, supported_targets().front()); });
        CHECK(refusal && refusal->first_index == place && refusal->bad_count == 1);
      }
      weights[place] = 1.0;
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_any_float32_bits_give_a_sound_table_or_a_refusal);
  RUN(test_any_float64_bits_give_a_sound_table_or_a_refusal);
  RUN(test_any_valid_float32_bits_give_a_sound_table);
  RUN(test_any_valid_float64_bits_give_a_sound_table);
  RUN(test_small_whole_numbers_give_sound_tables);
  RUN(test_masses_around_the_limits_give_sound_tables);
  RUN(test_a_bad_weight_is_found_at_any_place);
  return finish_tests();
}
