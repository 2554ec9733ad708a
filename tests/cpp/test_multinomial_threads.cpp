// A table for each row: the same draws for any number of threads, and bad rows named.
#include <cmath>
#include <optional>
#include <vector>

#include "cpu/draw/multinomial.h"
#include "draw_reference.h"
#include "table_checks.h"
#include "targets.h"

namespace pysampler {
namespace {

constexpr int64_t kUntouched = -7;

struct Case {
  uint64_t rows, columns, draws;
};

template <class Weight>
std::vector<Weight> random_rows(const Case& c) {
  Random random(c.columns);
  std::vector<Weight> weights(c.rows * c.columns);
  for (Weight& weight : weights) weight = random.below(3) == 0 ? Weight(0) : static_cast<Weight>(random.uniform());
  for (uint64_t row = 0; row < c.rows; ++row) weights[row * c.columns + row % c.columns] = Weight(1);
  return weights;
}

template <class Weight>
void check_case(const Case& c) {
  const std::vector<Weight> weights = random_rows<Weight>(c);
  const uint64_t seed = 77;
  std::vector<int64_t> expected;
  for (uint64_t row = 0; row < c.rows; ++row) {
    const std::vector<Weight> own(weights.begin() + row * c.columns, weights.begin() + (row + 1) * c.columns);
    const std::vector<AliasEntry> table = table_of(own);
    const auto draws = draws_one_by_one(table.data(), c.columns, make_stream(seed, 0), row * c.draws, 1, c.draws);
    expected.insert(expected.end(), draws.begin(), draws.end());
  }
  for_each_target([&](Target target) {
    for (const int threads : {1, 3}) {
      std::vector<int64_t> out(expected.size() + 1, kUntouched);
      multinomial({view_of(weights), c.rows, c.columns, c.draws, true}, seed, out.data(), {threads, {}, target});
      CHECK(out.back() == kUntouched);
      out.pop_back();
      CHECK(out == expected);
    }
  });
}

void test_every_row_is_drawn_by_its_own_table() {
  for (const Case& c :
       {Case{1, 1, 1}, {1, 10, 100}, {7, 1, 3}, {50, 33, 20}, {1000, 3, 2}, {300, 1000, 1}, {2, 70000, 5}}) {
    check_case<float>(c);
    check_case<double>(c);
  }
}

std::optional<InvalidRow> refusal_of(const std::vector<double>& weights, const Case& c, bool replacement) {
  try {
    check_rows({view_of(weights), c.rows, c.columns, c.draws, replacement}, {3, {}});
  } catch (const InvalidRow& error) {
    return error;
  }
  return std::nullopt;
}

void test_the_first_bad_row_is_named() {
  const Case c = {40, 5, 3};
  for (const bool replacement : {false, true}) {
    std::vector<double> weights(c.rows * c.columns, 1.0);
    weights[23 * 5 + 2] = NAN;
    weights[31 * 5 + 4] = -1;
    const auto bad = refusal_of(weights, c, replacement);
    CHECK(bad && bad->row == 23 && !bad->too_few && bad->weights.first_index == 2 && bad->weights.bad_count == 1);
    for (uint64_t column = 0; column < 5; ++column) weights[9 * 5 + column] = 0;
    const auto zero = refusal_of(weights, c, replacement);
    CHECK(zero && zero->row == 9 && zero->weights.reason == InvalidWeights::Reason::kAllZero);
  }
}

void test_too_few_positive_weights_matter_without_replacement_only() {
  const Case c = {40, 5, 3};
  std::vector<double> weights(c.rows * c.columns, 1.0);
  for (uint64_t column = 0; column < 3; ++column) weights[12 * 5 + column] = 0;
  const auto refusal = refusal_of(weights, c, false);
  CHECK(refusal && refusal->row == 12 && refusal->too_few && refusal->positive == 2);
  CHECK(!refusal_of(weights, c, true));
}

void test_no_rows_are_no_work() {
  for (const uint64_t columns : {uint64_t{10}, uint64_t{1} << 17}) {
    const MultinomialJob job = {{nullptr, 0, WeightType::kFloat64}, 0, columns, 5, true};
    int calls = 0;
    const Execution execution = {2, [&] { return ++calls > 0; }};
    check_rows(job, execution);
    multinomial(job, 1, nullptr, execution);
    CHECK(calls == 0);
  }
}

// The view promises more rows than there are: reading one after the first is an error that ASan sees.
void test_rows_after_a_bad_one_are_not_read() {
  for (const uint64_t columns : {uint64_t{10}, uint64_t{1} << 17}) {
    const std::vector<double> first_row(columns, -1.0);
    const MultinomialJob job = {{first_row.data(), 3 * columns, WeightType::kFloat64}, 3, columns, 5, true};
    bool refused = false;
    try {
      check_rows(job, {});
    } catch (const InvalidRow& error) {
      refused = error.row == 0;
    }
    CHECK(refused);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_every_row_is_drawn_by_its_own_table);
  RUN(test_the_first_bad_row_is_named);
  RUN(test_too_few_positive_weights_matter_without_replacement_only);
  RUN(test_no_rows_are_no_work);
  RUN(test_rows_after_a_bad_one_are_not_read);
  return finish_tests();
}
