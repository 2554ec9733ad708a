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
constexpr int64_t kUntouched = -7;
const std::vector<uint64_t> kItemCounts = {1, 2, 3, 17, 1000, 1 << 16, 100003};
const std::vector<uint64_t> kCounts = {0, 1, 7, 15, 16, 17, 63, 64, 65, 80, 127, 128, 129, 256, 257, 320, 1000, 1100};
const Stream kStream = make_stream(0xFEDCBA9876543210ull, 0xABCDEF012345ull, Tag::kPadding);

// Room for draws that begin `offset` numbers after a cache line, with guards on both sides.
class Output {
 public:
  Output() : numbers_(kMostDraws + 64) {}

  int64_t* at(uint64_t offset) {
    std::fill(numbers_.begin(), numbers_.end(), kUntouched);
    const uintptr_t address = reinterpret_cast<uintptr_t>(numbers_.data()) + 8 * sizeof(int64_t);
    begin_ = numbers_.data() + 8 + (64 - address % 64) % 64 / sizeof(int64_t) + offset;
    return begin_;
  }

  bool holds(const std::vector<int64_t>& draws, uint64_t count) const {
    return std::equal(begin_, begin_ + count, draws.begin()) &&
           std::all_of(numbers_.data(), static_cast<const int64_t*>(begin_),
                       [](int64_t n) { return n == kUntouched; }) &&
           std::all_of(static_cast<const int64_t*>(begin_) + count, numbers_.data() + numbers_.size(),
                       [](int64_t n) { return n == kUntouched; });
  }

 private:
  std::vector<int64_t> numbers_;
  int64_t* begin_ = nullptr;
};

void check_ranges(const std::vector<AliasEntry>& table, uint64_t start, uint64_t step) {
  const uint64_t items = table.size();
  const std::vector<int64_t> expected = draws_one_by_one(table.data(), items, kStream, start, step, kMostDraws);
  Output output;
  uint64_t turn = start;
  for_each_target([&](Target target) {
    const DrawKernels& kernels = draw_kernels(target);
    for (const DrawHints hints : {DrawHints{false, false}, {true, false}, {false, true}, {true, true}}) {
      for (const uint64_t count : kCounts) {
        // Aligned to a cache line (streaming stores) in every other call.
        int64_t* out = output.at(turn % 2 == 0 ? (64 - (16 - start % 16) % 16 * (step == 1)) % 8 : turn % 8);
        ++turn;
        kernels.draw_range({table.data(), items}, kStream, {start, step, count}, out, hints);
        CHECK(output.holds(expected, count));
      }
    }
  });
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

void test_points_equal_the_located_words() {
  for (const uint64_t items :
       {uint64_t{1}, uint64_t{3}, uint64_t{1000}, uint64_t{1} << 31, uint64_t{0x80000001}, kMaxItems}) {
    for (const uint64_t start : {uint64_t{0}, uint64_t{16}, (uint64_t{1} << 32) - 64, (uint64_t{1} << 63) - 640}) {
      std::vector<uint64_t> expected(640);
      for (uint64_t i = 0; i < expected.size(); ++i) {
        const SlotPoint point = locate(stream_word(kStream, start + i), items);
        expected[i] = static_cast<uint64_t>(point.slot) << 32 | point.fraction;
      }
      for_each_target([&](Target target) {
        for (const uint64_t blocks : {0, 1, 2, 10}) {
          std::vector<uint64_t> points(64 * blocks);  // exactly as long: writing beyond it is an error that ASan sees
          draw_kernels(target).point_range(items, kStream, start, blocks, points.data());
          CHECK(std::equal(points.begin(), points.end(), expected.begin()));
        }
      });
    }
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
  RUN(test_points_equal_the_located_words);
  RUN(test_points_resolve_to_items_apart_and_in_place);
  RUN(test_thresholds_divide_slots_alike_on_every_target);
  return finish_tests();
}
