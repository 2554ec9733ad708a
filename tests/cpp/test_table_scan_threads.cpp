// Reading whole tables: fingerprints, soundness, masses.
#include <utility>
#include <vector>

#include "check.h"
#include "cpu/table/table_scan.h"
#include "draw_reference.h"

namespace pysampler {
namespace {

bool equal(Fingerprint a, Fingerprint b) { return a.low == b.low && a.high == b.high; }

Fingerprint fingerprint_of_table(const std::vector<AliasEntry>& table, int threads = 1) {
  return fingerprint({table.data(), table.size()}, {threads, {}});
}

void test_a_fingerprint_does_not_depend_on_threads() {
  const std::vector<AliasEntry> table = random_table(2500000, 1);
  const Fingerprint expected = fingerprint_of_table(table);
  for (const int threads : {2, 3, 8}) CHECK(equal(fingerprint_of_table(table, threads), expected));
}

void test_a_fingerprint_is_a_sum_in_any_order() {
  const std::vector<AliasEntry> table = random_table(1001, 2);
  Fingerprint sum = {0, 0};
  for (uint64_t i = table.size(); i-- > 0;) sum = add(fingerprint_of(table[i], i), sum);
  CHECK(equal(finish(sum, table.size()), fingerprint_of_table(table)));
}

void test_fingerprints_are_frozen() {
  const Fingerprint one = fingerprint_of_table({{0xFFFFFFFFu, 0}});
  CHECK(one.low == 0x8D4919DA0116AFDEull && one.high == 0xE2C9A7CC911EAC53ull);
  const Fingerprint three = fingerprint_of_table({{1, 2}, {0xFFFFFFFFu, 1}, {0x80000000u, 0}});
  CHECK(three.low == 0x458A27AB334AF971ull && three.high == 0x1AE6CF09ACEF65DEull);
}

void test_every_flipped_bit_changes_the_fingerprint() {
  std::vector<AliasEntry> table = random_table(200, 3);
  const Fingerprint expected = fingerprint_of_table(table);
  for (AliasEntry& entry : table) {
    for (int bit = 0; bit < 32; ++bit) {
      entry.threshold ^= 1u << bit;
      const Fingerprint of_threshold = fingerprint_of_table(table);
      entry.threshold ^= 1u << bit;
      entry.alias ^= 1u << bit;
      const Fingerprint of_alias = fingerprint_of_table(table);
      entry.alias ^= 1u << bit;
      CHECK(of_threshold.low != expected.low && of_threshold.high != expected.high);
      CHECK(of_alias.low != expected.low && of_alias.high != expected.high);
    }
  }
}

void test_swapped_missing_and_added_entries_change_the_fingerprint() {
  std::vector<AliasEntry> table = random_table(100, 4);
  const Fingerprint expected = fingerprint_of_table(table);
  for (size_t i = 1; i < table.size(); ++i) {
    std::swap(table[i - 1], table[i]);
    CHECK(!equal(fingerprint_of_table(table), expected));
    std::swap(table[i - 1], table[i]);
  }
  std::vector<AliasEntry> shorter(table.begin(), table.end() - 1), longer = table;
  longer.push_back({0, 0});
  CHECK(!equal(fingerprint_of_table(shorter), expected));
  CHECK(!equal(fingerprint_of_table(longer), expected));
}

void test_an_alias_outside_is_found_wherever_it_is() {
  std::vector<AliasEntry> table = random_table(2100000, 5);  // three tasks
  const uint64_t items = table.size();
  for (const int threads : {1, 3}) {
    CHECK(aliases_in_range({table.data(), items}, {threads, {}}));
    for (const uint64_t place : {uint64_t{0}, uint64_t{1} << 20, items - 1}) {
      const uint32_t before = table[place].alias;
      for (const uint64_t alias : {items, uint64_t{0xFFFFFFFF}}) {
        table[place].alias = static_cast<uint32_t>(alias);
        CHECK(!aliases_in_range({table.data(), items}, {threads, {}}));
      }
      table[place].alias = static_cast<uint32_t>(items - 1);
      CHECK(aliases_in_range({table.data(), items}, {threads, {}}));
      table[place].alias = before;
    }
  }
}

void test_masses_are_what_the_slots_lead_to() {
  const std::vector<AliasEntry> table = {{0xFFFFFFFFu, 0}, {10, 0}, {0, 3}, {0x80000000u, 1}, {5, 4}};
  uint64_t masses[5];
  table_masses({table.data(), table.size()}, masses);
  CHECK(masses[0] == 2 * kSlotMass - 10);
  CHECK(masses[1] == 10 + kSlotMass / 2);
  CHECK(masses[2] == 0);
  CHECK(masses[3] == kSlotMass + kSlotMass / 2);
  CHECK(masses[4] == kSlotMass);  // an item that is its own alias owns its slot whatever the threshold
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_a_fingerprint_does_not_depend_on_threads);
  RUN(test_a_fingerprint_is_a_sum_in_any_order);
  RUN(test_fingerprints_are_frozen);
  RUN(test_every_flipped_bit_changes_the_fingerprint);
  RUN(test_swapped_missing_and_added_entries_change_the_fingerprint);
  RUN(test_an_alias_outside_is_found_wherever_it_is);
  RUN(test_masses_are_what_the_slots_lead_to);
  return finish_tests();
}
