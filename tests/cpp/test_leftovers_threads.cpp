// The placement of leftovers: right masses, and the same table however the leftovers are cut into segments.
#include <algorithm>
#include <cstring>
#include <vector>

#include "check.h"
#include "cpu/table/leftovers.h"
#include "cpu/table/table_scan.h"
#include "random.h"

namespace pysampler {
namespace {

struct Light {
  uint32_t item;
  uint32_t mass;
};

struct Heavy {
  uint64_t excess;
  uint32_t item;
};

// Lights and heavies whose deficits and excesses are equal in sum; every item is one of them.
struct Masses {
  std::vector<Light> lights;
  std::vector<Heavy> heavies;

  uint64_t items() const { return lights.size() + heavies.size(); }
};

uint32_t random_light_mass(Random& random) {
  switch (random.below(4)) {
    case 0:
      return 0;
    case 1:
      return 0xFFFFFFFFu - static_cast<uint32_t>(random.below(3));
    default:
      return static_cast<uint32_t>(random.bits());
  }
}

// `heavies` of them at most: fewer if the deficits do not suffice for an excess of 1 each.
Masses random_masses(Random& random, uint64_t lights, uint64_t heavies) {
  Masses masses;
  std::vector<uint32_t> ids(lights + heavies);
  for (uint32_t i = 0; i < ids.size(); ++i) std::swap(ids[i] = i, ids[random.below(i + 1)]);
  uint64_t deficit = 0;
  for (uint64_t i = 0; i < lights; ++i) {
    masses.lights.push_back({ids[i], random_light_mass(random)});
    deficit += kSlotMass - masses.lights.back().mass;
  }
  for (uint64_t j = 0; j < heavies; ++j) {
    const bool last = j + 1 == heavies;
    const uint64_t spare = deficit - (heavies - 1 - j);
    const uint64_t excess = last ? deficit : 1 + random.below(1 + std::min(spare - 1, 2 * spare / (heavies - j)));
    masses.heavies.push_back({excess, ids[lights + j]});
    deficit -= excess;
  }
  return masses;
}

// Places both lists in order, cut at random into segments, many of which have no lights, no heavies or neither.
std::vector<AliasEntry> place(const Masses& masses, uint64_t segments, int threads, Random& random) {
  const auto cuts = [&](uint64_t count) {
    std::vector<uint64_t> places = {0, count};
    for (uint64_t s = 1; s < segments; ++s) places.push_back(random.below(count + 1));
    std::sort(places.begin(), places.end());
    return places;
  };
  const std::vector<uint64_t> light_cuts = cuts(masses.lights.size()), heavy_cuts = cuts(masses.heavies.size());
  std::vector<AliasEntry> table(masses.items(), {0xDEADBEEFu, 0xFFFFFFFFu});  // a slot left out would show
  std::vector<Leftovers> pieces(segments);
  std::vector<uint32_t> lights, heavies;
  for (const Light& light : masses.lights) lights.push_back(light.item);
  for (const Heavy& heavy : masses.heavies) heavies.push_back(heavy.item);
  for (uint64_t s = 0; s < segments; ++s) {
    pieces[s].lights = {lights.data() + light_cuts[s], light_cuts[s + 1] - light_cuts[s]};
    pieces[s].heavies = {heavies.data() + heavy_cuts[s], heavy_cuts[s + 1] - heavy_cuts[s]};
    for (uint64_t i = light_cuts[s]; i < light_cuts[s + 1]; ++i) {
      pieces[s].deficit += kSlotMass - masses.lights[i].mass;
      table[masses.lights[i].item].threshold = masses.lights[i].mass;
    }
    for (uint64_t j = heavy_cuts[s]; j < heavy_cuts[s + 1]; ++j) {
      pieces[s].excess += masses.heavies[j].excess;
      keep_excess(&table[masses.heavies[j].item], masses.heavies[j].excess);
    }
  }
  CHECK(place_leftovers(pieces, table.data(), {threads, {}}));
  return table;
}

bool same(const std::vector<AliasEntry>& a, const std::vector<AliasEntry>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(AliasEntry)) == 0;
}

void check_masses(const Masses& masses, const std::vector<AliasEntry>& table) {
  CHECK(aliases_in_range({table.data(), table.size()}));
  std::vector<uint64_t> found(table.size());
  table_masses({table.data(), table.size()}, found.data());
  for (const Light& light : masses.lights) CHECK(found[light.item] == light.mass);
  for (const Heavy& heavy : masses.heavies) CHECK(found[heavy.item] == kSlotMass + heavy.excess);
}

void check_placement(const Masses& masses, Random& random) {
  const std::vector<AliasEntry> table = place(masses, 1, 1, random);
  check_masses(masses, table);
  for (const uint64_t segments : {1, 2, 3, 7, 40, 500}) {
    for (const int threads : {1, 3}) CHECK(same(place(masses, segments, threads, random), table));
  }
}

void test_any_cut_into_segments_gives_the_same_sound_table() {
  Random random(1);
  for (int round = 0; round < 60; ++round) {
    const uint64_t lights = 1 + random.below(300);
    check_placement(random_masses(random, lights, 1 + random.below(std::min<uint64_t>(lights, 300))), random);
  }
  check_placement(random_masses(random, 30000, 10000), random);
}

void test_one_heavy_fills_all_slots() {
  Random random(2);
  for (const uint64_t lights : {1, 2, 1000}) check_placement(random_masses(random, lights, 1), random);
}

void test_one_light_is_filled_by_a_chain_of_heavies() {
  Random random(3);
  Masses masses;
  masses.lights = {{0, 0}};
  for (uint32_t j = 1; j <= 1000; ++j) masses.heavies.push_back({1, j});
  masses.heavies.back().excess = kSlotMass - 999;
  check_placement(masses, random);
}

// Excesses and deficits that meet exactly: a heavy is used up just as a light is filled.
void test_sums_that_meet_exactly() {
  Random random(4);
  Masses masses;
  for (uint32_t i = 0; i < 200; ++i) {
    masses.lights.push_back({2 * i, 0});
    masses.heavies.push_back({kSlotMass, 2 * i + 1});
  }
  check_placement(masses, random);
}

void test_one_excess_of_many_slots() {
  Random random(5);
  Masses masses;
  const uint32_t lights = 200000;
  for (uint32_t i = 0; i < lights; ++i) masses.lights.push_back({i, 0});
  masses.heavies = {{1, lights}, {lights * kSlotMass - 2, lights + 1}, {1, lights + 2}};
  check_masses(masses, place(masses, 5, 2, random));
}

void test_nothing_left_over_needs_nothing() {
  AliasEntry untouched = {1, 2};
  CHECK(place_leftovers({}, &untouched, {2, {}}));
  CHECK(place_leftovers(std::vector<Leftovers>(3), &untouched, {2, {}}));
  CHECK(untouched.threshold == 1 && untouched.alias == 2);
}

void test_sums_that_differ_are_refused() {
  AliasEntry table[2] = {{5, 0}, {0, 0}};
  const uint32_t items[2] = {0, 1};
  const Leftovers light = {{items, 1}, {}, kSlotMass - 5, 0}, heavy = {{}, {items + 1, 1}, 0, kSlotMass - 4};
  keep_excess(&table[1], heavy.excess);
  CHECK(!place_leftovers({light}, table, {1, {}}));
  CHECK(!place_leftovers({heavy}, table, {1, {}}));
  CHECK(!place_leftovers({light, heavy}, table, {2, {}}));
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_any_cut_into_segments_gives_the_same_sound_table);
  RUN(test_one_heavy_fills_all_slots);
  RUN(test_one_light_is_filled_by_a_chain_of_heavies);
  RUN(test_sums_that_meet_exactly);
  RUN(test_one_excess_of_many_slots);
  RUN(test_nothing_left_over_needs_nothing);
  RUN(test_sums_that_differ_are_refused);
  return finish_tests();
}
