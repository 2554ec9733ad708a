// Tables of more than 2^31 items, where a slot no longer fits a signed 32-bit number. They repeat 64 MiB of memory.
#include <algorithm>
#include <vector>

#include "check.h"
#include "cpu/draw/draw.h"
#include "cpu/draw/draw_kernels.h"
#include "cpu/draw/partitioned_draw.h"
#include "draw_reference.h"
#include "repeated_memory.h"
#include "targets.h"

namespace pysampler {
namespace {

const Stream kStream = make_stream(17, 3);
const std::vector<uint64_t> kItemCounts = {0x7FFFFFFFull, 0x80000000ull, 0x80000001ull, 0xC0000000ull, kMaxItems};

// A table for up to kMaxItems items; aliases are in range for every count above.
const AliasEntry* huge_table() {
  static const RepeatedMemory memory(kMaxItems * sizeof(AliasEntry));
  auto* entries = memory.as<AliasEntry>();
  if (entries == nullptr) return nullptr;
  Random random(7);
  for (uint64_t i = 0; i < RepeatedMemory::period<AliasEntry>(); ++i) {
    entries[i] = {static_cast<uint32_t>(random.bits()), static_cast<uint32_t>(random.below(0x7FFFFFFF))};
  }
  return entries;
}

const AliasEntry* const kTable = huge_table();

void test_draws_from_huge_tables_equal_single_draws() {
  for (const uint64_t items : kItemCounts) {
    for (const uint64_t step : {1, 5}) {
      const uint64_t start = 1000000007, count = 3000;
      const std::vector<int64_t> expected = draws_one_by_one(kTable, items, kStream, start, step, count);
      CHECK(*std::max_element(expected.begin(), expected.end()) > static_cast<int64_t>(items / 100 * 99));
      for_each_target([&](Target target) {
        for (const DrawHints hints : {DrawHints{LookUp::kLoads, false}, {LookUp::kGathers, false}, {LookUp::kPrefetched, true}}) {
          std::vector<int64_t> out(count);
          draw_kernels(target).draw_range({kTable, items}, kStream, {start, step, count}, out.data(), hints);
          CHECK(out == expected);
        }
      });
    }
  }
}

void test_points_of_huge_tables_resolve() {
  for (const uint64_t items : kItemCounts) {
    const uint64_t count = 64 * 20;
    const std::vector<int64_t> expected = draws_one_by_one(kTable, items, kStream, 0, 1, count);
    for_each_target([&](Target target) {
      std::vector<uint64_t> points(count);
      std::vector<uint32_t> drawn(count);
      for (uint64_t i = 0; i < count; ++i) {
        const SlotPoint point = locate(stream_word(kStream, i), items);
        points[i] = static_cast<uint64_t>(point.slot) << 32 | point.fraction;
      }
      draw_kernels(target).resolve_range(kTable, points.data(), count, drawn.data());
      CHECK(std::equal(drawn.begin(), drawn.end(), expected.begin()));
    });
  }
}

void test_partitioned_draws_from_the_largest_table_equal_single_draws() {
  const uint64_t count = 200003;
  for (const uint64_t items : {uint64_t{0x80000001}, kMaxItems}) {
    const std::vector<int64_t> expected = draws_one_by_one(kTable, items, kStream, 9, 1, count);
    std::vector<int64_t> out(count);
    partitioned_draw({kTable, items}, kStream, 9, count, out.data(), {2, {}});
    CHECK(out == expected);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  if (kTable == nullptr) {
    skip("tables of more than 2^31 items", "the system refuses 32 GiB of address space");
    return finish_tests();
  }
  RUN(test_draws_from_huge_tables_equal_single_draws);
  RUN(test_points_of_huge_tables_resolve);
  RUN(test_partitioned_draws_from_the_largest_table_equal_single_draws);
  return finish_tests();
}
