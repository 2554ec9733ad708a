// Draws from rows of weights: the same for any number of threads, target and dtype, by the masses of alias tables; and bad
// rows named.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "cpu/multinomial/multinomial.h"
#include "cpu/multinomial/row_kernels.h"
#include "draw_reference.h"
#include "table_checks.h"
#include "targets.h"
#include "weight_families.h"

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
WeightRows rows_of(const std::vector<Weight>& weights, const Case& c) {
  return {weights.data(), c.rows, c.columns, view_of(weights).type};
}

// The item that owns each unit drawn, units lying block by block and place by place, from the masses of a table.
std::vector<int64_t> prefix_draws(const std::vector<AliasEntry>& table, Stream stream, uint64_t start, uint64_t count) {
  const uint64_t items = table.size();
  const BlockLayout layout = block_layout(items);
  std::vector<uint64_t> masses(items), order, ends;
  table_masses({table.data(), items}, masses.data());
  uint64_t end = 0;
  for (uint64_t block = 0; block < layout.blocks; ++block) {
    for (uint64_t place = 0; place < kBlockItems; ++place) {
      const uint64_t item = layout.item(block, place);
      if (item >= items) continue;
      order.push_back(item);
      ends.push_back(end += masses[item]);
    }
  }
  std::vector<int64_t> draws(count);
  for (uint64_t j = 0; j < count; ++j) {
    const SlotPoint point = locate(stream_word(stream, start + j), items);
    const uint64_t unit = static_cast<uint64_t>(point.slot) << 32 | point.fraction;
    const auto found = std::upper_bound(ends.begin(), ends.end(), unit);
    draws[j] = static_cast<int64_t>(order[static_cast<uint64_t>(found - ends.begin())]);
  }
  return draws;
}

template <class Weight>
void check_case(const Case& c, const std::vector<Weight>& weights) {
  const Stream stream = make_stream(77, 0);
  const bool by_table = way_of(c.columns, c.draws, true) == Way::kTable;
  std::vector<int64_t> expected;
  for (uint64_t row = 0; row < c.rows; ++row) {
    const std::vector<Weight> own(weights.begin() + row * c.columns, weights.begin() + (row + 1) * c.columns);
    const std::vector<AliasEntry> table = table_of(own);
    const auto draws = by_table ? draws_one_by_one(table.data(), c.columns, stream, row * c.draws, 1, c.draws)
                                : prefix_draws(table, stream, row * c.draws, c.draws);
    expected.insert(expected.end(), draws.begin(), draws.end());
  }
  for_each_target([&](Target target) {
    for (const int threads : {1, 3}) {
      const Execution execution = {threads, {}, target};
      std::vector<int64_t> out(expected.size() + 1, kUntouched);
      Multinomial({rows_of(weights, c), c.draws, true}, execution).draw({77}, out.data(), execution);
      CHECK(out.back() == kUntouched);
      out.pop_back();
      CHECK(out == expected);
    }
  });
}

void test_rows_are_drawn_by_the_masses_of_their_tables() {
  for (const Case& c : {Case{1, 1, 1}, {1, 10, 100}, {7, 1, 3}, {50, 33, 20}, {1000, 3, 2}, {9, 64, 128}, {9, 65, 128},
                        {300, 1000, 1}, {20, 1500, 40}, {2, 70000, 5}, {1, 300000, 700}, {3, 50, 500}, {2, 3000, 1000}}) {
    check_case(c, random_rows<float>(c));
    check_case(c, random_rows<double>(c));
  }
}

void test_rows_of_every_weight_family_are_drawn_by_the_masses_of_their_tables() {
  for (const uint64_t columns : {2, 16, 17, 64, 100, 1025, 3000}) {
    const Case c = {weight_families().size(), columns, 20};
    std::vector<double> weights;
    for (const WeightFamily& family : weight_families()) {
      const std::vector<double> own = family.weights(columns);
      weights.insert(weights.end(), own.begin(), own.end());
    }
    check_case(c, weights);
  }
}

// With and without zeros, negative zeros, one weight that is small, one that needs prescaling; the last group whole or not.
void test_rows_of_one_block_are_drawn_by_the_masses_of_their_tables() {
  for (const uint64_t columns : {65, 79, 80, 1000, 1008, 1009, 1023, 1024}) {
    const Case c = {6, columns, 20};
    Random random(columns);
    std::vector<float> weights(c.rows * columns);
    for (float& weight : weights) weight = static_cast<float>(random.uniform()) + 0.01f;
    const auto at = [&](uint64_t row, uint64_t column) -> float& { return weights[row * columns + column]; };
    for (uint64_t column = 0; column < columns; column += 3) at(1, column) = 0.0f;
    at(2, columns - 1) = 0.0f;
    at(3, 7) = -0.0f;
    at(4, 11) = 1e-12f;
    check_case(c, weights);
    std::vector<double> doubles(weights.begin(), weights.end());
    for (uint64_t column = 0; column < columns; ++column) doubles[5 * columns + column] *= 1e200;
    check_case(c, doubles);
  }
}

void test_groups_are_not_summed_to_a_quota_that_their_weights_do_not_fit() {
  const std::vector<float> weights(1000, 1.0f);
  for_each_target([&](Target target) {
    const RowKernels& kernels = row_kernels(target);
    GroupSums sums;
    sums.weights = view_of(weights);
    sums.block = 0;
    kernels.scale_rows(sums.weights, 1000, &sums.scale);
    CHECK(sums.scale == 0x1p32);
    const uint64_t all = 1000 * kSlotMass;
    CHECK(kernels.sum_groups(all, &sums) && sums.ones == 0);
    CHECK(kernels.sum_groups(all + 1000, &sums) && sums.ones == 1000);
    CHECK(!kernels.sum_groups(all + 1001, &sums) && !kernels.sum_groups(all - 1, &sums));
    sums.scale = NAN;
    CHECK(!kernels.sum_groups(all, &sums));
  });
}

std::optional<InvalidRow> refusal_of(const std::vector<double>& weights, const Case& c, bool replacement) {
  try {
    Multinomial({rows_of(weights, c), c.draws, replacement}, {3, {}});
  } catch (const InvalidRow& error) {
    return error;
  }
  return std::nullopt;
}

void check_first_bad_row(const Case& c) {
  for (const bool replacement : {false, true}) {
    std::vector<double> weights(c.rows * c.columns, 1.0);
    weights[23 * c.columns + 2] = NAN;
    weights[31 * c.columns + 4] = -1;
    const auto bad = refusal_of(weights, c, replacement);
    CHECK(bad && bad->row == 23 && !bad->too_few && bad->weights.first_index == 2 && bad->weights.bad_count == 1);
    for (uint64_t column = 0; column < c.columns; ++column) weights[9 * c.columns + column] = 0;
    const auto zero = refusal_of(weights, c, replacement);
    CHECK(zero && zero->row == 9 && zero->weights.reason == InvalidWeights::Reason::kAllZero);
  }
}

void test_the_first_bad_row_is_named() {
  for (const uint64_t columns : {5, 100, 1024, 3000}) check_first_bad_row({40, columns, 3});
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
    const MultinomialJob job = {{nullptr, 0, columns, WeightType::kFloat64}, 5, true};
    int calls = 0;
    const Execution execution = {2, [&] { return ++calls > 0; }};
    Multinomial(job, execution).draw({1}, nullptr, execution);
    CHECK(calls == 0);
  }
}

// At both sides of every boundary: the first unit of a block, and the last of the one before.
void test_blocks_own_the_units_from_their_first_to_the_next_ones() {
  for (const WeightFamily& family : weight_families()) {
    const std::vector<double> weights = family.weights(20000);
    BlockShares shares(view_of(weights), {});
    if (!shares.sum()) continue;
    shares.share({});
    const uint64_t all = weights.size() * kSlotMass;
    CHECK(shares.blocks() > 10 && shares.units_before(shares.blocks()) == all);
    for (uint64_t block = 0; block < shares.blocks(); ++block) {
      const uint64_t begin = shares.units_before(block), end = shares.units_before(block + 1);
      if (begin == end) continue;  // owns nothing
      for (const uint64_t unit : {begin, begin + (end - begin) / 2, end - 1}) CHECK(shares.block_of(unit) == block);
    }
  }
}

// The view promises more rows than there are: reading a long one after the first is an error that ASan sees.
void test_rows_after_a_bad_one_are_not_read() {
  for (const uint64_t columns : {uint64_t{5000}, uint64_t{1} << 17}) {
    const std::vector<double> first_row(columns, -1.0);
    const MultinomialJob job = {{first_row.data(), 3, columns, WeightType::kFloat64}, 5, true};
    bool refused = false;
    try {
      Multinomial(job, {});
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
  RUN(test_rows_are_drawn_by_the_masses_of_their_tables);
  RUN(test_rows_of_every_weight_family_are_drawn_by_the_masses_of_their_tables);
  RUN(test_rows_of_one_block_are_drawn_by_the_masses_of_their_tables);
  RUN(test_groups_are_not_summed_to_a_quota_that_their_weights_do_not_fit);
  RUN(test_the_first_bad_row_is_named);
  RUN(test_too_few_positive_weights_matter_without_replacement_only);
  RUN(test_no_rows_are_no_work);
  RUN(test_blocks_own_the_units_from_their_first_to_the_next_ones);
  RUN(test_rows_after_a_bad_one_are_not_read);
  return finish_tests();
}
