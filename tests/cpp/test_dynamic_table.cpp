// Tables whose weights change: after any updates they are what a new table of the same weights and scale is.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "core/dynamic_table.h"
#include "cpu/dynamic/dynamic_table.h"
#include "random.h"
#include "targets.h"

namespace pysampler {
namespace {

template <class Weight>
WeightView view_of(const std::vector<Weight>& weights) {
  return {weights.data(), weights.size(), sizeof(Weight) == 8 ? WeightType::kFloat64 : WeightType::kFloat32};
}

template <class Weight>
std::vector<Weight> random_weights(uint64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<Weight> weights(count);
  for (Weight& weight : weights) {
    weight = random.below(4) == 0 ? Weight{0} : static_cast<Weight>(random.uniform() * std::exp2(random.below(20)));
  }
  return weights;
}

std::vector<uint64_t> masses_in(const DynamicTable& table) {
  uint64_t total = 0;
  std::vector<uint64_t> masses(table.summary().items);
  table.all_masses(masses.size(), masses.data(), &total);
  uint64_t sum = 0;
  for (const uint64_t mass : masses) sum += mass;
  CHECK(sum == total);
  return masses;
}

// By the definition: the item that owns the unit.
std::vector<int64_t> expected_draws(const std::vector<uint64_t>& masses, Stream stream, uint64_t start, uint64_t step,
                                    uint64_t count) {
  std::vector<uint64_t> ends(masses.size());
  uint64_t sum = 0;
  for (size_t i = 0; i < masses.size(); ++i) ends[i] = sum += masses[i];
  std::vector<int64_t> items(count);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t unit = unit_of(stream_word(stream, start + i * step), sum);
    items[i] = std::upper_bound(ends.begin(), ends.end(), unit) - ends.begin();
  }
  return items;
}

std::vector<int64_t> draws_of(const DynamicTable& table, Stream stream, uint64_t start, uint64_t step, uint64_t count,
                              uint64_t strata = 0) {
  std::vector<int64_t> items(count, -7);
  table.draw(stream, start, step, strata, count, items.data(), {});
  return items;
}

bool same(Fingerprint a, Fingerprint b) { return a.low == b.low && a.high == b.high; }

void test_masses_round_half_to_even_and_keep_what_is_positive() {
  CHECK(mass_of(0.0, 100) == 0 && mass_of(-0.0, 100) == 0);
  CHECK(mass_of(1.0, 0) == 1 && mass_of(1.5, 0) == 2 && mass_of(2.5, 0) == 2 && mass_of(2.5000001, 0) == 3);
  CHECK(mass_of(0.5, 0) == 1 && mass_of(0.25, 0) == 1 && mass_of(1e-300, 0) == 1);
  CHECK(mass_of(5e-324, 1074) == 1 && mass_of(5e-324, 1134) == uint64_t{1} << 60);
  CHECK(mass_of(1.0, 62) == uint64_t{1} << 62 && mass_of(1.0, 63) == kMassLimit && mass_of(1e300, 200) == kMassLimit);
  CHECK(mass_of(std::numeric_limits<double>::max(), -964) == (uint64_t{1} << 60) - 128);
  CHECK(mass_of(std::numeric_limits<double>::max(), -1000) == (uint64_t{1} << 24));
}

template <class Weight>
void check_masses_on_every_target() {
  Random random(3);
  for (const int scale : {-1000, -900, -70, -1, 0, 1, 30, 52, 60, 200, 1000, 1134, 1200}) {
    std::vector<Weight> weights(256);
    for (Weight& weight : weights) {
      // Bits at random, and around this scale's interesting magnitudes: halves, 2^52, 2^63.
      const double near = std::ldexp(random.uniform() + 0.5, static_cast<int>(random.below(70)) - 3 - scale);
      const double half = std::ldexp(static_cast<double>(random.below(64)) + 0.5, -scale);
      const double tiny = std::ldexp(random.uniform(), -1060);
      const double choices[] = {near, half, tiny, 0.0, random.uniform()};
      const auto chosen = static_cast<Weight>(std::min(choices[random.below(5)], 3e38));
      weight = chosen;
    }
    for_each_target([&](Target target) {
      MassTree tree(256, view_of(weights).type);
      const TreeKernels& kernels = tree_kernels(target, tree.type());
      TreeView view = tree.view();
      std::memcpy(view.weights, weights.data(), 256 * sizeof(Weight));
      view.scale = scale;
      std::vector<uint64_t> masses(250);
      kernels.masses(view, 250, masses.data());
      bool all = true;
      for (size_t i = 0; i < 250; ++i) all &= masses[i] == mass_of(static_cast<double>(weights[i]), scale);
      CHECK(all);
    });
  }
}

void test_every_target_makes_the_masses_of_the_definition() {
  check_masses_on_every_target<float>();
  check_masses_on_every_target<double>();
}

template <class Weight>
void check_draws(uint64_t items) {
  const std::vector<Weight> weights = random_weights<Weight>(items, items);
  if (*std::max_element(weights.begin(), weights.end()) == 0) return;
  const Stream stream = make_stream(items, 5);
  for_each_target([&](Target target) {
    const DynamicTable table(view_of(weights), items + items % 3 * 1000, nullptr, {1, {}, target});
    const std::vector<uint64_t> masses = masses_in(table);
    CHECK(table.summary().total < kFreshTotalLimit && table.summary().total >= kFreshTotalLimit / 2 - items);
    for (size_t i = 0; i < items; ++i) CHECK((masses[i] > 0) == (weights[i] > 0));
    for (const uint64_t step : {1, 3, 16}) {
      for (const uint64_t start : {0, 5, 1000}) {
        for (const uint64_t count : {1, 7, 8, 11, 12, 64, 65, 300, 1100}) {
          CHECK(draws_of(table, stream, start, step, count) == expected_draws(masses, stream, start, step, count));
        }
      }
    }
  });
}

void test_draws_are_the_owners_of_their_units_whatever_the_size() {
  for (const uint64_t items : {2, 3, 15, 16, 17, 255, 256, 257, 4095, 4097, 70'000}) {
    check_draws<float>(items);
    check_draws<double>(items);
  }
}

template <class Weight>
void check_updates(Target target, uint64_t items, uint64_t batches, uint64_t batch) {
  std::vector<Weight> weights = random_weights<Weight>(items, 1);
  DynamicTable table(view_of(weights), 0, nullptr, {1, {}, target});
  Random random(7);
  std::vector<int64_t> indices(batch);
  std::vector<Weight> given(batch);
  table.largest();  // so that extremes are kept as well
  for (uint64_t round = 0; round < batches; ++round) {
    const uint64_t count = 1 + random.below(batch);
    for (uint64_t i = 0; i < count; ++i) {
      indices[i] = static_cast<int64_t>(random.below(round % 7 == 0 ? 3 : items));  // many duplicates now and then
      given[i] = random.below(5) == 0 ? Weight{0} : static_cast<Weight>(random.uniform() * 1000);
      weights[static_cast<size_t>(indices[i])] = given[i];
    }
    table.update(indices.data(), given.data(), count, {});
  }
  const int scale = table.summary().scale;
  DynamicTable fresh(view_of(weights), 0, &scale, {1, {}, target});
  CHECK(table.summary().total == fresh.summary().total);
  CHECK(table.summary().positive == fresh.summary().positive);
  CHECK(same(table.summary().fingerprint, fresh.summary().fingerprint));
  CHECK(table.largest() == fresh.largest() && table.smallest() == fresh.smallest());
  CHECK(masses_in(table) == masses_in(fresh));
  const Stream stream = make_stream(3, 4);
  CHECK(draws_of(table, stream, 0, 1, 5000) == draws_of(fresh, stream, 0, 1, 5000));
  CHECK(draws_of(table, stream, 0, 1, 5000) == expected_draws(masses_in(fresh), stream, 0, 1, 5000));
}

void test_millions_of_updates_leave_what_a_new_table_is() {
  for_each_target([](Target target) {
    check_updates<float>(target, 100'000, 500, 4096);
    check_updates<double>(target, 5'000, 3'000, 300);
    check_updates<float>(target, 20, 3'000, 40);
  });
}

void test_the_scale_follows_when_totals_leave_their_range_and_only_then() {
  const std::vector<double> ones(1000, 1.0);
  for_each_target([&](Target target) {
    DynamicTable table(view_of(ones), 0, nullptr, {1, {}, target});
    const int first = table.summary().scale;
    std::vector<double> mirror = ones;
    Random random(2);
    int changes = 0, last = first;
    for (int round = 0; round < 3000; ++round) {
      const auto place = static_cast<int64_t>(random.below(1000));
      // Slowly to huge, then to tiny values, then denormals.
      const double weight = std::ldexp(1 + random.uniform(), round < 1000 ? round : 1990 - 2 * round + 950);
      mirror[static_cast<size_t>(place)] = weight;
      if (!std::isfinite(weight)) continue;
      table.update(&place, &weight, 1, {});
      const DynamicTable::Summary now = table.summary();
      CHECK(now.total >= kLeastTotal && now.total < kTotalLimit);
      if (now.scale != last) {
        ++changes;
        CHECK(now.total < kFreshTotalLimit && now.total >= kFreshTotalLimit / 2 - 1000);
        CHECK(now.scale == DynamicTable(view_of(mirror), 0, nullptr, {1, {}, target}).summary().scale);
      }
      last = now.scale;
    }
    CHECK(changes > 10 && changes < 1500);
    const DynamicTable fresh(view_of(mirror), 0, &last, {1, {}, target});
    CHECK(masses_in(fresh) == masses_in(table));
    CHECK(same(fresh.summary().fingerprint, table.summary().fingerprint));
  });
}

void test_an_overwritten_huge_weight_of_a_batch_leaves_no_trace() {
  const std::vector<double> ones(100, 1.0);
  DynamicTable table(view_of(ones), 0, nullptr, {1, {}, Target::kPortable});
  const DynamicTable::Summary before = table.summary();
  const int64_t indices[] = {5, 6, 5, 6, 5};
  const double weights[] = {1e300, 1e308, 0.0, 1.0, 1.0};
  table.update(indices, weights, 5, {});
  CHECK(table.summary().scale == before.scale && table.summary().total == before.total);
  CHECK(same(table.summary().fingerprint, before.fingerprint));
  CHECK(table.summary().version == before.version + 1);
}

void test_bad_updates_are_named_and_change_nothing() {
  const std::vector<float> ones(100, 1.0f);
  DynamicTable table(view_of(ones), 0, nullptr, {1, {}, Target::kPortable});
  const DynamicTable::Summary before = table.summary();
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  const int64_t indices[] = {1, 2, 100}, good[] = {1, 2, 3};
  const float weights[] = {5, 6, 7};
  for (const float bad : {nan, infinite, -1.0f}) {
    const float some[] = {5, bad, bad};
    try {
      table.update(good, some, 3, {});
      CHECK(false);
    } catch (const InvalidUpdate& error) {
      CHECK(!error.is_index && error.place == 1 && error.bad_count == 2);
    }
    CHECK(THROWS(table.append(some, 3, {}), InvalidUpdate));
  }
  for (const int64_t bad : {int64_t{100}, int64_t{-1}, int64_t{1} << 32, std::numeric_limits<int64_t>::min()}) {
    const int64_t places[] = {1, bad, 3};
    CHECK(THROWS(table.update(places, weights, 3, {}), InvalidUpdate));
  }
  CHECK(THROWS(table.update(indices, weights, 3, {}), InvalidUpdate));
  CHECK(same(before.fingerprint, table.summary().fingerprint) && before.version == table.summary().version);
  CHECK(before.total == table.summary().total && before.items == table.summary().items);
}

template <class Weight>
void check_single_updates(Target target) {
  const std::vector<Weight> ones(300, Weight{1});
  DynamicTable singles(view_of(ones), 0, nullptr, {1, {}, target}), pairs(view_of(ones), 0, nullptr, {1, {}, target});
  singles.largest();
  pairs.largest();
  Random random(11);
  const Weight special[] = {Weight{0}, static_cast<Weight>(-0.0), std::numeric_limits<Weight>::denorm_min(),
                            std::numeric_limits<Weight>::max() / 512, Weight{1}, static_cast<Weight>(1e-20)};
  for (int round = 0; round < 4000; ++round) {
    const auto place = static_cast<int64_t>(random.below(300));
    const Weight weight = random.below(3) == 0 ? special[random.below(6)] : static_cast<Weight>(random.uniform());
    singles.update(&place, &weight, 1, {});
    const int64_t twice[] = {place, place};
    const Weight same_weights[] = {weight, weight};
    pairs.update(twice, same_weights, 2, {});
    const DynamicTable::Summary a = singles.summary(), b = pairs.summary();
    CHECK(a.total == b.total && a.scale == b.scale && a.positive == b.positive && same(a.fingerprint, b.fingerprint));
    CHECK(singles.largest() == pairs.largest() && singles.smallest() == pairs.smallest());
  }
  CHECK(masses_in(singles) == masses_in(pairs));
  CHECK(draws_of(singles, make_stream(1, 2), 0, 1, 900) == draws_of(pairs, make_stream(1, 2), 0, 1, 900));
  const DynamicTable::Summary before = singles.summary();
  for (const int64_t bad : {int64_t{300}, int64_t{-1}}) {
    CHECK(THROWS(singles.update(&bad, special, 1, {}), InvalidUpdate));
  }
  using Limits = std::numeric_limits<Weight>;
  const Weight wrong[] = {Weight{-1}, Limits::quiet_NaN(), Limits::infinity()};
  const int64_t place = 5;
  for (const Weight& bad : wrong) CHECK(THROWS(singles.update(&place, &bad, 1, {}), InvalidUpdate));
  CHECK(same(before.fingerprint, singles.summary().fingerprint) && before.version == singles.summary().version);
}

void test_updates_of_one_do_what_batches_do() {
  for_each_target([](Target target) {
    check_single_updates<float>(target);
    check_single_updates<double>(target);
  });
}

void test_appended_items_are_as_if_they_had_always_been_there() {
  for_each_target([](Target target) {
    const std::vector<float> weights = random_weights<float>(5000, 9);
    DynamicTable table({weights.data(), 0, WeightType::kFloat32}, 0, nullptr, {1, {}, target});
    CHECK(table.summary().total == 0);
    std::vector<int64_t> none(1);
    CHECK(THROWS(table.draw(make_stream(1, 1), 0, 1, 0, 1, none.data(), {}), NothingToDraw));
    Random random(1);
    for (uint64_t done = 0; done < weights.size();) {
      const uint64_t count = std::min<uint64_t>(weights.size() - done, random.below(100));
      table.append(weights.data() + done, count, {});
      done += count;
    }
    const int scale = table.summary().scale;
    const DynamicTable fresh(view_of(weights), 0, &scale, {1, {}, target});
    CHECK(same(fresh.summary().fingerprint, table.summary().fingerprint));
    CHECK(masses_in(fresh) == masses_in(table));
    CHECK(draws_of(table, make_stream(1, 2), 0, 1, 2000) == draws_of(fresh, make_stream(1, 2), 0, 1, 2000));
  });
}

void test_each_stratum_gives_one_draw() {
  const std::vector<float> weights = random_weights<float>(3000, 4);
  for_each_target([&](Target target) {
    const DynamicTable table(view_of(weights), 0, nullptr, {1, {}, target});
    const std::vector<uint64_t> masses = masses_in(table);
    std::vector<uint64_t> ends(masses.size());
    uint64_t sum = 0;
    for (size_t i = 0; i < masses.size(); ++i) ends[i] = sum += masses[i];
    __extension__ typedef unsigned __int128 Wide;
    constexpr uint64_t kStrata = 1000, kStart = 123, kStep = 7;
    const std::vector<int64_t> items = draws_of(table, make_stream(1, 2), kStart, kStep, 777, kStrata);
    for (uint64_t i = 0; i < items.size(); ++i) {
      const uint64_t position = kStart + i * kStep, t = position % kStrata;
      const auto begin = static_cast<uint64_t>(static_cast<Wide>(sum) * t / kStrata);
      const auto end = static_cast<uint64_t>(static_cast<Wide>(sum) * (t + 1) / kStrata);
      const uint64_t unit = begin + unit_of(stream_word(make_stream(1, 2), position), end - begin);
      CHECK(items[i] == std::upper_bound(ends.begin(), ends.end(), unit) - ends.begin());
    }
  });
}

void test_distinct_draws_are_distinct_alike_on_every_target_and_leave_the_table_as_it_was() {
  std::vector<double> weights = random_weights<double>(500, 6);
  weights[17] = 1e9;  // seen at once: most draws then are of the second kind
  std::vector<int64_t> first;
  for_each_target([&](Target target) {
    DynamicTable table(view_of(weights), 0, nullptr, {1, {}, target});
    const DynamicTable::Summary before = table.summary();
    std::vector<int64_t> items(before.positive);
    table.draw_distinct(3, 4, items.size(), items.data());
    if (first.empty()) first = items;
    CHECK(items == first);
    std::sort(items.begin(), items.end());
    CHECK(std::adjacent_find(items.begin(), items.end()) == items.end());
    for (const int64_t item : items) CHECK(weights[static_cast<size_t>(item)] > 0);
    CHECK(same(before.fingerprint, table.summary().fingerprint) && before.total == table.summary().total);
    const DynamicTable fresh(view_of(weights), 0, nullptr, {1, {}, target});
    CHECK(draws_of(table, make_stream(1, 2), 0, 1, 900) == draws_of(fresh, make_stream(1, 2), 0, 1, 900));
    CHECK(THROWS(table.draw_distinct(3, 4, before.positive + 1, items.data()), TooFewPositive));
  });
}

void test_scales_that_do_not_suit_the_weights_are_refused() {
  const std::vector<double> ones(16, 1.0);
  for (const int scale : {-2000, -1, 10, 47, 59, 60, 1201, 1 << 30}) {
    CHECK(THROWS(DynamicTable(view_of(ones), 0, &scale, {1, {}, Target::kPortable}), InvalidScale));
  }
  for (const int scale : {48, 56, 58}) {
    CHECK(DynamicTable(view_of(ones), 0, &scale, {1, {}, Target::kPortable}).summary().scale == scale);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_masses_round_half_to_even_and_keep_what_is_positive);
  RUN(test_every_target_makes_the_masses_of_the_definition);
  RUN(test_draws_are_the_owners_of_their_units_whatever_the_size);
  RUN(test_millions_of_updates_leave_what_a_new_table_is);
  RUN(test_the_scale_follows_when_totals_leave_their_range_and_only_then);
  RUN(test_an_overwritten_huge_weight_of_a_batch_leaves_no_trace);
  RUN(test_bad_updates_are_named_and_change_nothing);
  RUN(test_updates_of_one_do_what_batches_do);
  RUN(test_appended_items_are_as_if_they_had_always_been_there);
  RUN(test_each_stratum_gives_one_draw);
  RUN(test_distinct_draws_are_distinct_alike_on_every_target_and_leave_the_table_as_it_was);
  RUN(test_scales_that_do_not_suit_the_weights_are_refused);
  return finish_tests();
}
