// The arithmetic of systematic draws against 128-bit integers, and what the tables and strata are made of.
#include "core/systematic.h"

#include <algorithm>
#include <vector>

#include "check.h"
#include "core/batch_strata.h"
#include "cpu/permutation/keyed_permutation.h"
#include "cpu/permutation/permuted_each.h"
#include "cpu/permutation/permuted_same.h"
#include "cpu/systematic/mass_table.h"
#include "cpu/systematic/systematic_pass.h"
#include "random.h"
#include "targets.h"

namespace pysampler {
namespace {

__extension__ typedef unsigned __int128 Uint128;

uint64_t any_size(Random& random, uint64_t most) {
  const uint64_t bits = random.below(65);
  return std::min(most, bits == 64 ? random.bits() : random.bits() >> (63 - bits) >> 1);
}

void test_points_are_those_of_128_bit_integers() {
  Random random(1);
  for (int i = 0; i < 200000; ++i) {
    const uint64_t total = std::max<uint64_t>(1, any_size(random, ~uint64_t{0}));
    const uint64_t draws = std::max<uint64_t>(1, any_size(random, kMaxSystematicDraws));
    const uint64_t offset = i % 5 == 0 ? ~uint64_t{0} : random.bits();
    const Lattice lattice = make_lattice(total, draws, offset);
    const uint64_t shift = static_cast<uint64_t>(static_cast<Uint128>(offset) * total >> 64);
    for (const uint64_t j : {uint64_t{0}, draws - 1, random.below(draws)}) {
      const auto expected = static_cast<uint64_t>((static_cast<Uint128>(j) * total + shift) / draws);
      CHECK(lattice.mass_at(j) == expected);
      CHECK(expected < total);
    }
  }
}

void test_extreme_lattices_are_exact() {
  const uint64_t sizes[] = {1, 2, 3, kMaxSystematicDraws - 1, kMaxSystematicDraws};
  for (const uint64_t total : {uint64_t{1}, uint64_t{2}, uint64_t{1} << 63, ~uint64_t{0} - 1, ~uint64_t{0}}) {
    for (const uint64_t draws : sizes) {
      for (const uint64_t offset : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
        const Lattice lattice = make_lattice(total, draws, offset);
        const auto shift = static_cast<uint64_t>(static_cast<Uint128>(offset) * total >> 64);
        for (uint64_t j = 0; j < draws; j += 1 + (draws - 1) / 1000) {
          CHECK(lattice.mass_at(j) == static_cast<uint64_t>((static_cast<Uint128>(j) * total + shift) / draws));
        }
      }
    }
  }
}

void test_the_golden_step_is_the_golden_ratio() {
  // g^2 + g = 1, so for g * 2^64 off by less than one unit this is off by less than (2 g + 1) * 2^64, modulo 2^128.
  const auto step = static_cast<Uint128>(kGoldenStep);
  const Uint128 off = step * step + (step << 64);
  CHECK(std::min(off, -off) >> 62 < 9);  // 2 g + 1 = 2.236 < 9 / 4
  CHECK(kGoldenStep % 2 == 1);
}

std::vector<uint64_t> some_masses(Random& random, uint64_t entries) {
  std::vector<uint64_t> masses(entries);
  const uint64_t kind = random.below(4);
  for (uint64_t& mass : masses) {
    mass = kind == 0 ? 1 + random.below(10) : kind == 1 ? random.below(2) * random.below(1000) : random.below(1000000);
  }
  if (kind == 3) masses[random.below(entries)] = uint64_t{1} << 60;
  masses[random.below(entries)] += 1;
  return masses;
}

void check_index(const IndexedMasses& indexed, const std::vector<uint64_t>& masses, Random& random) {
  const MassIndex index = indexed.index();
  uint64_t begin = 0;
  for (uint64_t entry = 0; entry < masses.size(); begin += masses[entry++]) {
    CHECK(index.begins[entry] == begin);
    if (masses[entry] == 0) continue;
    CHECK(index.find(begin) == entry);
    CHECK(index.find(begin + masses[entry] - 1) == entry);
    CHECK(index.find(begin + random.below(masses[entry])) == entry);
  }
  CHECK(indexed.total() == begin);
}

void test_every_unit_is_found_in_its_entry() {
  Random random(2);
  for (int i = 0; i < 3000; ++i) {
    const std::vector<uint64_t> masses = some_masses(random, 1 + random.below(i % 100 == 0 ? 5000 : 40));
    check_index(IndexedMasses(masses.data(), nullptr, masses.size(), {}), masses, random);
  }
}

void test_the_largest_masses_and_single_entries_are_found() {
  Random random(3);
  check_index(IndexedMasses(std::vector<uint64_t>{~uint64_t{0}}.data(), nullptr, 1, {}), {~uint64_t{0}}, random);
  for (const std::vector<uint64_t>& masses : {std::vector<uint64_t>{1}, {0, 1, 0}, {uint64_t{1} << 63, 0, 1}}) {
    check_index(IndexedMasses(masses.data(), nullptr, masses.size(), {}), masses, random);
  }
}

void test_an_order_rearranges_the_masses() {
  Random random(4);
  const std::vector<uint64_t> masses = {5, 0, 7, 11};
  const std::vector<uint32_t> order = {3, 0, 1, 2};
  check_index(IndexedMasses(masses.data(), order.data(), 4, {}), {11, 5, 0, 7}, random);
}

void test_strata_are_a_partition_around_the_end() {
  Random random(5);
  for (int i = 0; i < 5000; ++i) {
    const uint64_t draws = 1 + random.below(300), batch = 1 + random.below(draws);
    const BatchStrata strata = make_batch_strata(random.bits(), random.below(9), draws, batch);
    std::vector<int> taken(draws);
    uint64_t long_ones = 0;
    for (uint64_t t = 0; t < batch; ++t) {
      const uint64_t size = strata.begin(t + 1) - strata.begin(t);
      CHECK(size == strata.batches + strata.is_long(t));
      if (strata.is_long(t)) {
        CHECK(strata.long_stratum(long_ones++) == t);
        ++taken[strata.spare_point(strata.begin(t))];
      }
      for (uint64_t r = 0; r < strata.batches; ++r) ++taken[strata.point_at(strata.begin(t), strata.is_long(t), r)];
    }
    CHECK(long_ones == strata.rest);
    CHECK(std::all_of(taken.begin(), taken.end(), [](int times) { return times == 1; }));
    if (strata.rest == 0) CHECK(strata.begin(0) == 0);
  }
}

void test_strata_of_the_largest_epochs_do_not_overflow() {
  for (const uint64_t batch : {uint64_t{1}, uint64_t{3}, kMaxBatch - 1, kMaxBatch}) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
      const BatchStrata strata = make_batch_strata(seed, 0, kMaxSystematicDraws - 1, batch);
      CHECK(strata.begin(batch) - strata.begin(0) == kMaxSystematicDraws - 1);
      CHECK(strata.begin(0) <= strata.batches);
      const auto turn = static_cast<Uint128>(strata.shift) * batch + strata.phase;
      CHECK(strata.begin(batch / 2) ==
            static_cast<uint64_t>((static_cast<Uint128>(batch / 2) * strata.draws + turn) / batch));
    }
  }
}

void test_permutations_lane_by_lane_equal_one_by_one() {
  Random random(6);
  const Stream stream = make_stream(9, 1, Tag::kPermutation);
  std::vector<Permutation> permutations;
  for (const uint64_t elements : {1, 2, 64, 65, 100, 4096, 4097, 100000}) {
    permutations.push_back(make_permutation(stream, permutations.size(), elements));
  }
  permutations.push_back(make_permutation(stream, 99, kMaxPermuted));
  for (const uint64_t count : {0, 1, 31, 32, 33, 500}) {
    std::vector<const Permutation*> of;
    std::vector<uint64_t> elements, expected;
    for (uint64_t i = 0; i < count; ++i) {
      const Permutation& permutation = permutations[random.below(permutations.size())];
      const bool none = random.below(5) == 0;
      elements.push_back(random.below(permutation.elements));
      of.push_back(none ? nullptr : &permutation);
      expected.push_back(none ? elements.back() : permute(permutation, elements.back()));
    }
    for_each_target([&](Target target) {
      std::vector<uint64_t> found = elements;
      permuted_each(of.data(), found.data(), count, target);
      CHECK(found == expected);
      elements_at_each(of.data(), found.data(), count, target);
      CHECK(found == elements);
    });
  }
}

void test_one_permutation_of_many_elements_equals_one_by_one() {
  Random random(8);
  const Stream stream = make_stream(9, 1, Tag::kPermutation);
  for (const uint64_t elements : {uint64_t{1}, uint64_t{64}, uint64_t{65}, uint64_t{100}, uint64_t{4097}, kMaxPermuted}) {
    const Permutation permutation = make_permutation(stream, elements % 11, elements);
    for (const uint64_t count : {0, 1, 4, 5, 15, 16, 17, 32, 33, 63, 64, 65, 500}) {
      std::vector<uint64_t> given, expected;
      for (uint64_t i = 0; i < count; ++i) {
        given.push_back(random.below(elements));
        expected.push_back(permute(permutation, given.back()));
      }
      for_each_target([&](Target target) {
        std::vector<uint64_t> found = given;
        permuted_same(permutation, found.data(), count, target);
        CHECK(found == expected);
      });
    }
  }
}

// Whole batches go another way than parts of them: wherever a range begins and ends, the draws are those of its positions.
// In few classes the points of each are exchanged together, in many each by itself.
void check_whole_batches(uint64_t classes) {
  Random random(10);
  constexpr uint64_t kItems = 3000;
  std::vector<uint64_t> masses(kItems);
  std::vector<int64_t> labels(kItems);
  for (uint64_t i = 0; i < kItems; ++i) {
    masses[i] = random.below(3) * random.below(uint64_t{1} << 33);
    labels[i] = static_cast<int64_t>(random.below(classes));
  }
  const auto table = std::make_shared<const MassTable>(
      mass_table_of_items(masses.data(), kItems, labels.data(), classes, {}));
  for (const uint64_t batch : {1, 3, 70, 256, 2048, 2049}) {
    for (const uint64_t draws : {batch * 5, batch * 4 + batch / 2 + 1}) {
      const SystematicPass pass(table, 5, 2, draws, batch);
      std::vector<int64_t> expected(draws);
      for (uint64_t i = 0; i < draws; ++i) pass.draw({i, 2, 1}, &expected[i], {1, {}, Target::kPortable});
      for_each_target([&](Target target) {
        for (int i = 0; i < 8; ++i) {
          const uint64_t start = i == 0 ? 0 : random.below(draws);
          const uint64_t count = i == 0 ? draws : 1 + random.below(draws - start);
          std::vector<int64_t> found(count);
          pass.draw({start, 1, count}, found.data(), {1, {}, target});
          CHECK(std::equal(found.begin(), found.end(), expected.begin() + static_cast<std::ptrdiff_t>(start)));
        }
      });
    }
  }
}

void test_whole_batches_are_drawn_as_their_positions_are() {
  for (const uint64_t classes : {1, 7, 100, 600}) check_whole_batches(classes);
}

void test_permutations_made_quickly_are_the_same() {
  const Stream stream = make_stream(~uint64_t{0}, 5, Tag::kPermutation);
  for (const uint64_t elements : {1, 2, 15, 16, 17, 63, 64, 65, 4096, 4097, 1000000}) {
    for (const uint64_t index : {uint64_t{0}, uint64_t{7}, (uint64_t{1} << 56) - 1}) {
      const Permutation expected = make_permutation(stream, index, elements);
      for_each_target([&](Target target) {
        const Permutation found = keyed_permutation(stream, index, elements, target);
        CHECK(found.rounds == expected.rounds && found.rows == expected.rows && found.columns == expected.columns);
        CHECK(std::equal(found.keys, found.keys + kMaxPermutationRounds, expected.keys));
        CHECK(std::equal(found.shuffled, found.shuffled + kMaxShuffled, expected.shuffled));
      });
    }
  }
}

void test_classes_of_equal_members_draw_what_their_items_would() {
  const std::vector<uint64_t> class_masses = {uint64_t{7} << 32, 0, 5, (uint64_t{9} << 32) - 5};
  const std::vector<ClassRange> ranges = {{10, 10}, {3, 0}, {7, 3}, {1, 20}};
  const std::vector<uint32_t> members = {4, 5, 6, 0, 1, 2, 3, 7, 8, 9, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 20};
  MassTable classes = mass_table_of_classes(class_masses.data(), ranges.data(), 4, 21, 21);
  classes.order = members.data();
  std::vector<uint64_t> masses(21);
  classes.item_masses(masses.data());
  // Class after class, as the intervals lie.
  std::vector<uint64_t> in_order;
  std::vector<uint32_t> items;
  for (uint64_t c = 0; c < 4; ++c) {
    for (uint64_t i = 0; i < ranges[c].size; ++i) {
      items.push_back(members[ranges[c].begin + i]);
      in_order.push_back(masses[items.back()]);
      CHECK(in_order.back() == (class_masses[c] == 0 ? 0 : std::max<uint64_t>(1, (class_masses[c] << 26) / ranges[c].size)));
    }
  }
  auto of_items = std::make_shared<MassTable>(mass_table_of_items(in_order.data(), 21, nullptr, 1, {}));
  of_items->order = items.data();
  of_items->class_begins = classes.class_begins;
  const auto of_classes = std::make_shared<MassTable>(std::move(classes));
  for (const uint64_t batch : {0, 1, 8, 70}) {
    for_each_target([&](Target target) {
      std::vector<int64_t> one(500), other(500);
      SystematicPass(of_classes, 3, 1, 500, batch).draw({0, 1, 500}, one.data(), {1, {}, target});
      SystematicPass(of_items, 3, 1, 500, batch).draw({0, 1, 500}, other.data(), {1, {}, target});
      CHECK(one == other);
      CHECK(std::none_of(one.begin(), one.end(), [](int64_t item) { return item >= 4 && item <= 6; }));
    });
  }
  CHECK(of_classes->fingerprint().low != of_items->fingerprint().low);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_points_are_those_of_128_bit_integers);
  RUN(test_extreme_lattices_are_exact);
  RUN(test_the_golden_step_is_the_golden_ratio);
  RUN(test_every_unit_is_found_in_its_entry);
  RUN(test_the_largest_masses_and_single_entries_are_found);
  RUN(test_an_order_rearranges_the_masses);
  RUN(test_strata_are_a_partition_around_the_end);
  RUN(test_strata_of_the_largest_epochs_do_not_overflow);
  RUN(test_permutations_lane_by_lane_equal_one_by_one);
  RUN(test_one_permutation_of_many_elements_equals_one_by_one);
  RUN(test_whole_batches_are_drawn_as_their_positions_are);
  RUN(test_permutations_made_quickly_are_the_same);
  RUN(test_classes_of_equal_members_draw_what_their_items_would);
  return finish_tests();
}
