// The kernels of every instruction set against the definition, bit for bit.
#include <algorithm>
#include <cstring>
#include <vector>

#include "check.h"
#include "cpu/draw/draw_kernels.h"
#include "draw_reference.h"
#include "targets.h"

namespace pysampler {
namespace {

constexpr uint64_t kMostDraws = 1100;
constexpr int kUntouched = -7;
const std::vector<uint64_t> kItemCounts = {1, 2, 3, 17, 1000, 1 << 16, 100003};
const std::vector<uint64_t> kCounts = {0, 1, 7, 15, 16, 17, 63, 64, 65, 80, 127, 128, 129, 256, 257, 320, 1000, 1100};
const Stream kStream = make_stream(0xFEDCBA9876543210ull, 0xABCDEF012345ull, Tag::kPadding);

// Room for draws that begin `offset` numbers after a cache line, with guards on both sides.
template <class Index>
class Output {
 public:
  static constexpr uint64_t kPerLine = 64 / sizeof(Index);

  Output() : numbers_(kMostDraws + 8 * kPerLine) {}

  Index* at(uint64_t offset) {
    std::fill(numbers_.begin(), numbers_.end(), Index{kUntouched});
    const uintptr_t address = reinterpret_cast<uintptr_t>(numbers_.data() + kPerLine);
    begin_ = numbers_.data() + kPerLine + (64 - address % 64) % 64 / sizeof(Index) + offset;
    return begin_;
  }

  bool holds(const std::vector<int64_t>& draws, uint64_t count) const {
    return std::equal(begin_, begin_ + count, draws.begin()) &&
           std::all_of(numbers_.data(), static_cast<const Index*>(begin_), [](Index n) { return n == kUntouched; }) &&
           std::all_of(static_cast<const Index*>(begin_) + count, numbers_.data() + numbers_.size(),
                       [](Index n) { return n == kUntouched; });
  }

 private:
  std::vector<Index> numbers_;
  Index* begin_ = nullptr;
};

template <class Index>
void check_ranges_of(const std::vector<AliasEntry>& table, uint64_t start, uint64_t step) {
  const uint64_t items = table.size();
  const std::vector<int64_t> expected = draws_one_by_one(table.data(), items, kStream, start, step, kMostDraws);
  Output<Index> output;
  uint64_t turn = start;
  for_each_target([&](Target target) {
    const DrawKernels& kernels = draw_kernels(target);
    for (const LookUp way : {LookUp::kLoads, LookUp::kGathers, LookUp::kPrefetched}) {
      for (const uint64_t count : kCounts) {
        // Aligned to a cache line (streaming stores) in every other call.
        const uint64_t per_line = Output<Index>::kPerLine, head = (16 - start % 16) % 16 * (step == 1);
        Index* out = output.at(turn % 2 == 0 ? (per_line - head % per_line) % per_line : turn % per_line);
        kernels.draw_range({table.data(), items}, kStream, {start, step, count}, out, {way, turn % 3 != 0});
        ++turn;
        CHECK(output.holds(expected, count));
      }
    }
  });
}

void check_ranges(const std::vector<AliasEntry>& table, uint64_t start, uint64_t step) {
  check_ranges_of<int64_t>(table, start, step);
  check_ranges_of<int32_t>(table, start, step);
}

void test_ranges_equal_single_draws_for_any_start_step_and_count() {
  const std::vector<uint64_t> steps = {1, 2, 3, 8, 16, 17, 1000003, uint64_t{1} << 40};
  const std::vector<uint64_t> starts = {0, 1, 8, 15, 16, 1000, (uint64_t{1} << 32) - 21, (uint64_t{1} << 62) + 5};
  for (const uint64_t items : kItemCounts) {
    const std::vector<AliasEntry> table = random_table(items, items);
    for (const uint64_t step : steps) {
      for (const uint64_t start : starts) check_ranges(table, start, step);
    }
  }
}

void test_the_last_positions_below_2_to_the_63_can_be_drawn() {
  const std::vector<AliasEntry> table = random_table(1000, 5);
  check_ranges(table, (uint64_t{1} << 63) - kMostDraws, 1);
  check_ranges(table, (uint64_t{1} << 63) - 1 - (kMostDraws - 1) * 12345, 12345);
}

void test_points_are_appended_in_order_to_the_buckets_of_their_slots() {
  for (const uint64_t items :
       {uint64_t{1}, uint64_t{3}, uint64_t{1000}, uint64_t{1} << 31, uint64_t{0x80000001}, kMaxItems}) {
    uint64_t shift = 0;
    while ((items - 1) >> shift >= 7) ++shift;
    const uint64_t buckets = ((items - 1) >> shift) + 1;
    for (const uint64_t start : {uint64_t{0}, uint64_t{16}, (uint64_t{1} << 32) - 64, (uint64_t{1} << 63) - 640}) {
      for (const uint64_t blocks : {0, 1, 2, 10}) {
        std::vector<std::vector<uint64_t>> expected(buckets);
        std::vector<uint16_t> expected_buckets;
        for (uint64_t i = 0; i < 64 * blocks; ++i) {
          const SlotPoint point = locate(stream_word(kStream, start + i), items);
          expected_buckets.push_back(static_cast<uint16_t>(point.slot >> shift));
          expected[point.slot >> shift].push_back(static_cast<uint64_t>(point.slot) << 32 | point.fraction);
        }
        for_each_target([&](Target target) {
          std::vector<std::vector<uint64_t>> regions = expected;  // exactly as long: ASan sees what is written beyond
          std::vector<uint64_t*> next;
          for (std::vector<uint64_t>& region : regions) {
            std::fill(region.begin(), region.end(), 0);
            next.push_back(region.data());
          }
          std::vector<uint16_t> bucket_of(64 * blocks);
          draw_kernels(target).append_points(items, kStream, start, blocks, shift, next.data(), bucket_of.data());
          CHECK(regions == expected && bucket_of == expected_buckets);
          for (uint64_t b = 0; b < buckets; ++b) CHECK(next[b] == regions[b].data() + regions[b].size());
        });
      }
    }
  }
}

template <class Index>
void check_read_back(uint64_t offset) {
  constexpr uint64_t kBlocks = 9, kBuckets = 5;
  Random random(8);
  std::vector<std::vector<uint32_t>> regions(kBuckets);
  std::vector<uint16_t> bucket_of;
  std::vector<int64_t> expected;
  for (uint64_t i = 0; i < 64 * kBlocks; ++i) {
    bucket_of.push_back(static_cast<uint16_t>(random.below(kBuckets)));
    expected.push_back(static_cast<int64_t>(random.below(uint64_t{1} << (8 * sizeof(Index) == 64 ? 32 : 31))));
    regions[bucket_of.back()].push_back(static_cast<uint32_t>(expected.back()));
  }
  for_each_target([&](Target target) {
    std::vector<const uint32_t*> next;
    for (const std::vector<uint32_t>& region : regions) next.push_back(region.data());
    Output<Index> output;
    draw_kernels(target).read_back(next.data(), bucket_of.data(), kBlocks, output.at(offset));
    CHECK(output.holds(expected, expected.size()));
  });
}

void test_items_are_read_back_in_the_order_of_their_draws() {
  for (const uint64_t offset : {0, 1}) {  // with streaming stores, and without
    check_read_back<int64_t>(offset);
    check_read_back<int32_t>(offset);
  }
}

void test_points_resolve_to_items_apart_and_in_place() {
  const uint64_t items = 5000;
  const std::vector<AliasEntry> table = random_table(items, 3);
  Random random(4);
  for (const uint64_t count : {0, 1, 63, 64, 127, 128, 129, 191, 192, 193, 300, 1000}) {
    std::vector<uint64_t> points(count);
    std::vector<uint32_t> expected(count);
    for (uint64_t i = 0; i < count; ++i) {
      const SlotPoint point = {static_cast<uint32_t>(random.below(items)), static_cast<uint32_t>(random.bits())};
      points[i] = static_cast<uint64_t>(point.slot) << 32 | point.fraction;
      expected[i] = resolve(table[point.slot], point);
    }
    for_each_target([&](Target target) {
      std::vector<uint32_t> apart(count);
      draw_kernels(target).resolve_range(table.data(), points.data(), count, apart.data());
      CHECK(apart == expected);
      std::vector<uint64_t> shared = points;
      draw_kernels(target).resolve_range(table.data(), shared.data(), count,
                                         reinterpret_cast<uint32_t*>(shared.data()));
      CHECK(count == 0 || std::memcmp(shared.data(), expected.data(), count * sizeof(uint32_t)) == 0);
    });
  }
}

// Fractions on both sides of the thresholds, and thresholds with the highest bit set: an unsigned comparison.
void test_thresholds_divide_slots_alike_on_every_target() {
  const uint32_t values[] = {0, 1, 2, 0x7FFFFFFEu, 0x7FFFFFFFu, 0x80000000u, 0x80000001u, 0xFFFFFFFEu, 0xFFFFFFFFu};
  std::vector<AliasEntry> table;
  std::vector<uint64_t> points;
  std::vector<uint32_t> expected;
  for (const uint32_t threshold : values) {
    for (const uint32_t fraction : values) {
      const SlotPoint point = {static_cast<uint32_t>(table.size()), fraction};
      table.push_back({threshold, 0xFFFFFFFEu - fraction});
      points.push_back(static_cast<uint64_t>(point.slot) << 32 | fraction);
      expected.push_back(fraction < threshold ? point.slot : 0xFFFFFFFEu - fraction);
    }
  }
  for (size_t i = 0; points.size() < 256; ++i) {
    points.push_back(points[i]);
    expected.push_back(expected[i]);
  }
  for_each_target([&](Target target) {
    std::vector<uint32_t> items(points.size());
    draw_kernels(target).resolve_range(table.data(), points.data(), points.size(), items.data());
    CHECK(items == expected);
  });
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_ranges_equal_single_draws_for_any_start_step_and_count);
  RUN(test_the_last_positions_below_2_to_the_63_can_be_drawn);
  RUN(test_points_are_appended_in_order_to_the_buckets_of_their_slots);
  RUN(test_items_are_read_back_in_the_order_of_their_draws);
  RUN(test_points_resolve_to_items_apart_and_in_place);
  RUN(test_thresholds_divide_slots_alike_on_every_target);
  return finish_tests();
}
