// Class draws: the kernels of every instruction set against the definition, for any number of threads, bit for bit.
#include <algorithm>
#include <vector>

#include "check.h"
#include "class_tables.h"
#include "cpu/classes/class_draw.h"
#include "cpu/classes/class_draw_kernels.h"
#include "targets.h"

namespace pysampler {
namespace {

__extension__ typedef unsigned __int128 Wide;
constexpr int64_t kUntouched = -7;
const ClassStreams kStreams = class_streams(0xFEDCBA9876543210ull, 0xABCDEF012345ull);

// Draws into the middle of an untouched array, `offset` numbers after a cache line.
template <class Draw>
void check_draw(const std::vector<int64_t>& expected, uint64_t count, uint64_t offset, Draw draw) {
  std::vector<int64_t> out(count + 64, kUntouched);
  const uintptr_t address = reinterpret_cast<uintptr_t>(out.data()) + 8 * sizeof(int64_t);
  int64_t* const begin = out.data() + 8 + (64 - address % 64) % 64 / sizeof(int64_t) + offset;
  draw(begin);
  CHECK(std::equal(begin, begin + count, expected.begin()));
  CHECK(std::count(out.data(), begin, kUntouched) == begin - out.data());
  const int64_t* const end = begin + count;
  const int64_t* const last = out.data() + out.size();
  CHECK(std::count(end, last, kUntouched) == last - end);
}

void check_kernels(const ClassTableView& table, uint64_t start, uint64_t step) {
  const uint64_t most = 1400;
  const std::vector<int64_t> expected = class_draws_one_by_one(table, kStreams, start, step, most);
  uint64_t turn = start;
  for_each_target([&](Target target) {
    for (int bits = 0; bits < 8; ++bits) {
      const ClassDrawHints hints = {(bits & 1) != 0, (bits & 2) != 0 && table.items.members != nullptr, (bits & 4) != 0};
      for (const uint64_t count : {0, 15, 64, 200, 1400}) {
        // Aligned to a cache line, after the draws up to a group of sixteen, in every other call.
        const uint64_t offset = turn % 2 == 0 ? (8 - (16 - start % 16) % 16 * (step == 1) % 8) % 8 : turn % 8;
        ++turn;
        check_draw(expected, count, offset, [&](int64_t* out) {
          class_draw_kernels(target).draw_range(table, kStreams, {start, step, count}, out, hints);
        });
      }
    }
  });
}

void test_kernels_equal_single_draws_for_any_start_step_and_count() {
  for (const uint64_t classes : {1, 1000}) {
    const RandomClasses random(classes, 1000, classes);
    for (const uint64_t step : {uint64_t{1}, uint64_t{3}, uint64_t{1} << 40}) {
      for (const uint64_t start : {uint64_t{5}, (uint64_t{1} << 32) - 32}) {
        check_kernels(random.scattered(), start, step);
        check_kernels(random.consecutive(), start, step);
      }
    }
  }
}

// Sizes and beginnings with the highest bit set: unsigned arithmetic on every target.
void test_the_largest_classes_are_picked_from_alike() {
  const std::vector<AliasEntry> entries = {{0x80000000u, 1}, {0x80000001u, 2}, full_slot(2), {0, 0}};
  const std::vector<ClassRange> ranges = {{0xFFFFFFFFu, 0}, {0x80000001u, 0x7FFFFFFEu}, {1, 0xFFFFFFFEu}, {0, 0}};
  const ClassTableView table = {{entries.data(), entries.size()}, {ranges.data(), nullptr, ranges.size()}};
  check_kernels(table, 0, 1);
  check_kernels(table, 3, 7);
  const std::vector<int64_t> draws = class_draws_one_by_one(table, kStreams, 0, 1, 1000);
  CHECK(*std::min_element(draws.begin(), draws.end()) >= 0);
  CHECK(*std::max_element(draws.begin(), draws.end()) == 0xFFFFFFFEll);
}

void test_a_pick_is_the_high_part_of_word_times_size() {
  const uint64_t words[] = {0, 1, 0xFFFFFFFFull, 0x100000000ull, 0x8000000000000000ull, 0xFFFFFFFFFFFFFFFFull};
  for (const uint32_t size : {1u, 2u, 3u, 1000u, 0x80000000u, 0xFFFFFFFFu}) {
    for (const uint64_t word : words) {
      const auto exact = static_cast<uint64_t>(static_cast<Wide>(word) * size >> 64);
      CHECK(pick_from({size, 0}, word) == exact);
      CHECK(pick_from({1, 77}, word) == 77);
    }
  }
}

void test_any_number_of_threads_gives_the_same_draws() {
  const RandomClasses small(100, 5000, 1), large(70000, 9, 2);  // members, then classes beyond the near caches
  for (const RandomClasses* classes : {&small, &large}) {
    for (const ClassTableView& table : {classes->scattered(), classes->consecutive()}) {
      for (const uint64_t count : {100, 300001}) {
        const std::vector<int64_t> expected = class_draws_one_by_one(table, kStreams, 999999, 3, count);
        for_each_target([&](Target target) {
          for (const int threads : {1, 3}) {
            check_draw(expected, count, 1, [&](int64_t* out) {
              class_draw(table, classes->members.size(), kStreams, {999999, 3, count}, out, {threads, {}, target});
            });
          }
        });
      }
    }
  }
}

void test_outputs_too_large_for_the_caches_are_the_same() {
  const RandomClasses classes(100, 5000, 3);
  const uint64_t count = 1100000;  // above 8 MiB: streaming stores
  for (const ClassTableView& table : {classes.scattered(), classes.consecutive()}) {
    const std::vector<int64_t> expected = class_draws_one_by_one(table, kStreams, 5, 1, count);
    check_draw(expected, count, 5, [&](int64_t* out) {
      class_draw(table, classes.members.size(), kStreams, {5, 1, count}, out, {2, {}});
    });
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_kernels_equal_single_draws_for_any_start_step_and_count);
  RUN(test_the_largest_classes_are_picked_from_alike);
  RUN(test_a_pick_is_the_high_part_of_word_times_size);
  RUN(test_any_number_of_threads_gives_the_same_draws);
  RUN(test_outputs_too_large_for_the_caches_are_the_same);
  return finish_tests();
}
