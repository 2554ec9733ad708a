// The draw itself: where a word points, and which item that is.
#include <vector>

#include "check.h"
#include "core/alias_table.h"
#include "random.h"

namespace pysampler {
namespace {

__extension__ typedef unsigned __int128 Uint128;

const std::vector<uint64_t> kItemCounts = {1,        2,           3,           5,           1000,     1 << 16,
                                           1u << 31, 0x80000001u, 0xC0000000u, 0xFFFFFFFEu, kMaxItems};
const std::vector<uint64_t> kSpecialWords = {
    0, 1, 0xFFFFFFFFu, uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{1}, ~uint64_t{0} << 32};

void check_location(uint64_t word, uint64_t items) {
  const Uint128 exact = static_cast<Uint128>(word) * items >> 32;  // below 2^64, because items < 2^32
  const SlotPoint point = locate(word, items);
  CHECK(point.slot == static_cast<uint32_t>(exact >> 32));
  CHECK(point.fraction == static_cast<uint32_t>(exact));
  CHECK(point.slot < items);
}

void test_a_word_points_where_exact_arithmetic_says() {
  Random random(1);
  for (const uint64_t items : kItemCounts) {
    for (const uint64_t word : kSpecialWords) check_location(word, items);
    for (int i = 0; i < 20000; ++i) check_location(random.bits(), items);
  }
  for (int i = 0; i < 100000; ++i) check_location(random.bits(), 1 + random.below(kMaxItems));
}

// Just below and at the first word of a slot.
void test_slots_begin_exactly_where_they_should() {
  Random random(2);
  for (int i = 0; i < 50000; ++i) {
    const uint64_t items = 2 + random.below(kMaxItems - 1), slot = 1 + random.below(items - 1);
    const Uint128 start =
        ((static_cast<Uint128>(slot) << 64) + items - 1) / items;  // smallest word * items >= slot * 2^64
    CHECK(locate(static_cast<uint64_t>(start), items).slot == slot);
    CHECK(locate(static_cast<uint64_t>(start) - 1, items).slot == slot - 1);
  }
}

void test_the_threshold_divides_a_slot() {
  const uint32_t thresholds[] = {0, 1, 2, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFEu, 0xFFFFFFFFu};
  for (const uint32_t threshold : thresholds) {
    const AliasEntry entry = {threshold, 9};
    if (threshold > 0) CHECK(resolve(entry, {7, threshold - 1}) == 7);
    CHECK(resolve(entry, {7, threshold}) == 9);
    CHECK(resolve(entry, {7, 0}) == (threshold > 0 ? 7u : 9u));
    CHECK(resolve(entry, {7, 0xFFFFFFFFu}) == 9);
  }
}

void test_a_full_slot_always_gives_its_own_item() {
  for (const uint32_t item : {0u, 1u, 0x80000000u, 0xFFFFFFFEu}) {
    for (const uint32_t fraction : {0u, 1u, 0xFFFFFFFEu, 0xFFFFFFFFu}) {
      CHECK(resolve(full_slot(item), {item, fraction}) == item);
    }
  }
}

void test_a_draw_reads_the_slot_that_its_word_points_at() {
  Random random(3);
  std::vector<AliasEntry> table(1000);
  for (AliasEntry& entry : table) {
    entry = {static_cast<uint32_t>(random.bits()), static_cast<uint32_t>(random.below(1000))};
  }
  for (int i = 0; i < 20000; ++i) {
    const uint64_t word = random.bits();
    const Uint128 exact = static_cast<Uint128>(word) * 1000 >> 32;
    const AliasEntry entry = table[static_cast<size_t>(exact >> 32)];
    const uint32_t expected =
        static_cast<uint32_t>(exact) < entry.threshold ? static_cast<uint32_t>(exact >> 32) : entry.alias;
    CHECK(draw_one({table.data(), 1000}, word) == expected);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_a_word_points_where_exact_arithmetic_says);
  RUN(test_slots_begin_exactly_where_they_should);
  RUN(test_the_threshold_divides_a_slot);
  RUN(test_a_full_slot_always_gives_its_own_item);
  RUN(test_a_draw_reads_the_slot_that_its_word_points_at);
  return finish_tests();
}
