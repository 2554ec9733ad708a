// The law of draws without replacement, against exact probabilities of successive sampling.
#include "cpu/without_replacement/without_replacement.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "check.h"
#include "cpu/table/build.h"
#include "successive_reference.h"
#include "weight_families.h"

namespace pysampler {
namespace {

using Weights = std::vector<double>;
using Outcome = std::vector<int64_t>;

Weights one_huge_among_two_classes() {
  Weights weights = {1e12};
  weights.insert(weights.end(), 5, 1.0);
  weights.insert(weights.end(), 5, 9.0);
  return weights;
}

// Two items take most draws from a table, so that the race takes over in the midst.
Weights two_large_among_ten() {
  Weights weights = {100.0, 80.0};
  for (int i = 1; i <= 10; ++i) weights.push_back(i);
  return weights;
}

// Probability of every ordered outcome of `count` draws, cut to the draws from `first` on.
std::map<Outcome, double> exact_law(const Weights& weights, uint64_t first, uint64_t count) {
  std::map<Outcome, double> law;
  Outcome drawn;
  const std::function<void(double)> extend = [&](double probability) {
    if (drawn.size() == count) {
      law[Outcome(drawn.begin() + static_cast<int64_t>(first), drawn.end())] += probability;
      return;
    }
    const auto is_left = [&](uint64_t i) {
      return weights[i] > 0 && std::find(drawn.begin(), drawn.end(), static_cast<int64_t>(i)) == drawn.end();
    };
    double left = 0;
    for (uint64_t i = 0; i < weights.size(); ++i) left += is_left(i) ? weights[i] : 0;
    for (uint64_t i = 0; i < weights.size(); ++i) {
      if (!is_left(i)) continue;
      drawn.push_back(static_cast<int64_t>(i));
      extend(probability * (weights[i] / left));
      drawn.pop_back();
    }
  };
  extend(1);
  return law;
}

// The value that a chi-square variable exceeds with probability 1e-6 (Wilson and Hilferty 1931).
double chi_square_limit(double freedom) {
  const double step = 2 / (9 * freedom);
  return freedom * std::pow(1 - step + 4.7534 * std::sqrt(step), 3);
}

// Whether `trials` draws of `drawn_from` follow the law of `weights`: chi-square over the ordered outcomes from draw
// `first` on, rare ones pooled; an impossible outcome fails at once.
bool follows_law(const Weights& weights, const Weights& drawn_from, bool with_table, uint64_t first, uint64_t count,
                 uint64_t trials) {
  const OwnedWeights owned(drawn_from, WeightType::kFloat64);
  std::vector<AliasEntry> table(owned.count());
  build(owned.view(), table.data(), {1, {}, Target::kPortable});
  const std::map<Outcome, double> law = exact_law(weights, first, count);
  std::map<Outcome, uint64_t> seen;
  Outcome out(count);
  for (uint64_t trial = 0; trial < trials; ++trial) {
    const WithoutReplacement request = {owned.view(), with_table ? table.data() : nullptr, 2024, trial, 0};
    draw_without_replacement(request, count, out.data(), {});
    ++seen[Outcome(out.begin() + static_cast<int64_t>(first), out.end())];
  }
  double statistic = 0, cells = 0, pooled_expected = 0, pooled_seen = 0;
  const auto add_cell = [&](double expected, double found) {
    statistic += (found - expected) * (found - expected) / expected;
    cells += 1;
  };
  for (const auto& [outcome, probability] : law) {
    const double expected = probability * static_cast<double>(trials);
    const double found = seen.count(outcome) ? static_cast<double>(seen[outcome]) : 0;
    if (expected >= 5) {
      add_cell(expected, found);
    } else {
      pooled_expected += expected;
      pooled_seen += found;
    }
    seen.erase(outcome);
  }
  if (pooled_expected >= 5) add_cell(pooled_expected, pooled_seen);
  return seen.empty() && statistic < chi_square_limit(cells - 1);
}

bool follows_own_law(const Weights& weights, bool with_table, uint64_t first, uint64_t count, uint64_t trials) {
  return follows_law(weights, weights, with_table, first, count, trials);
}

void test_permutations_follow_successive_sampling() {
  CHECK(follows_own_law({1, 2, 3, 4, 5}, false, 0, 5, 30000));
  CHECK(follows_own_law({1, 0, 1000, 4, 0.001}, false, 0, 4, 30000));
  CHECK(follows_own_law({1e308, 3e307, 2e307, 1e307}, false, 0, 4, 30000));
  CHECK(follows_own_law({5e-324, 1e-323, 2e-323}, false, 0, 3, 30000));
}

void test_ordered_pairs_follow_successive_sampling() {
  for (const bool with_table : {false, true}) {
    CHECK(follows_own_law({3, 1, 4, 1, 5}, with_table, 0, 2, 30000));
    CHECK(follows_own_law(one_huge_among_two_classes(), with_table, 0, 2, 30000));
    CHECK(follows_own_law(one_huge_among_two_classes(), with_table, 1, 3, 30000));
    CHECK(follows_own_law(two_large_among_ten(), with_table, 0, 2, 30000));
    CHECK(follows_own_law(two_large_among_ten(), with_table, 1, 3, 30000));
    CHECK(follows_own_law(two_large_among_ten(), with_table, 2, 4, 30000));
  }
}

void test_a_wrong_law_is_noticed() {
  for (const bool with_table : {false, true}) {
    const Weights weights = {3, 1, 4, 1, 5};
    Weights squared = weights, nudged = weights;
    for (double& weight : squared) weight *= weight;
    nudged[2] *= 1.1;
    CHECK(!follows_law(weights, squared, with_table, 0, 2, 30000));
    CHECK(!follows_law(weights, nudged, with_table, 0, 2, 30000));
    Weights huge_squared = one_huge_among_two_classes();
    for (double& weight : huge_squared) weight *= weight;
    CHECK(!follows_law(one_huge_among_two_classes(), huge_squared, with_table, 1, 3, 30000));
  }
}

std::vector<int64_t> draw_from(const Weights& values, WeightType type, uint64_t count) {
  const OwnedWeights weights(values, type);
  std::vector<int64_t> out(count);
  draw_without_replacement({weights.view(), nullptr, 77, 1, 0}, count, out.data(), {});
  return out;
}

void test_draws_are_distinct_and_zero_weights_are_never_drawn() {
  for (const WeightFamily& family : weight_families()) {
    for (const uint64_t items : {5, 900, 5000}) {
      const Weights values = family.weights(items);
      const uint64_t positive = OwnedWeights(values, WeightType::kFloat64).positive();
      std::vector<int64_t> drawn = draw_from(values, WeightType::kFloat64, positive), expected;
      for (uint64_t i = 0; i < items; ++i) {
        if (values[i] > 0) expected.push_back(static_cast<int64_t>(i));
      }
      std::sort(drawn.begin(), drawn.end());
      CHECK(drawn == expected);
    }
  }
}

void test_powers_of_two_change_nothing() {
  Random random(4);
  Weights values(3000);
  for (double& value : values) value = random.uniform();
  const std::vector<int64_t> drawn = draw_from(values, WeightType::kFloat64, 3000);
  for (const double factor : {2.0, 0x1p-700, 0x1p1000, 0x1p-1000}) {
    Weights scaled = values;
    for (double& value : scaled) value *= factor;
    CHECK(draw_from(scaled, WeightType::kFloat64, 3000) == drawn);
  }
}

void test_fewer_draws_are_the_first_of_more() {
  Random random(6);
  Weights values(5000);
  for (double& value : values) value = random.uniform();
  const std::vector<int64_t> all = draw_from(values, WeightType::kFloat32, 5000);
  for (const uint64_t count : {1, 2, 100, 2499, 2500, 4999}) {
    const std::vector<int64_t> some = draw_from(values, WeightType::kFloat32, count);
    CHECK(std::equal(some.begin(), some.end(), all.begin()));
  }
}

void test_no_draws_and_single_items() {
  const float weight = 2.5f;
  const AliasEntry table = full_slot(0);
  for (const AliasEntry* standing : {static_cast<const AliasEntry*>(nullptr), &table}) {
    const WithoutReplacement request = {{&weight, 1, WeightType::kFloat32}, standing, 1, 2, 3};
    int64_t out = -7;
    draw_without_replacement(request, 0, &out, {});
    CHECK(out == -7);
    draw_without_replacement(request, 1, &out, {});
    CHECK(out == 0);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_permutations_follow_successive_sampling);
  RUN(test_ordered_pairs_follow_successive_sampling);
  RUN(test_a_wrong_law_is_noticed);
  RUN(test_draws_are_distinct_and_zero_weights_are_never_drawn);
  RUN(test_powers_of_two_change_nothing);
  RUN(test_fewer_draws_are_the_first_of_more);
  RUN(test_no_draws_and_single_items);
  return finish_tests();
}
