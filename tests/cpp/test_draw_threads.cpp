// Bulk draws: the same bits for any number of threads, any target and any way of evaluation.
#include <algorithm>
#include <vector>

#include "check.h"
#include "cpu/draw/draw.h"
#include "cpu/draw/look_up.h"
#include "cpu/draw/partitioned_draw.h"
#include "draw_reference.h"
#include "targets.h"

namespace pysampler {
namespace {

constexpr int kUntouched = -7;
const Stream kStream = make_stream(123, 45);

template <class Index = int64_t, class Draw>
void check_draw(const std::vector<int64_t>& expected, Draw draw) {
  std::vector<Index> out(expected.size() + 16, kUntouched);
  draw(out.data() + 8);
  CHECK(std::equal(expected.begin(), expected.end(), out.begin() + 8));
  CHECK(std::count(out.begin(), out.begin() + 8, kUntouched) == 8);
  CHECK(std::count(out.end() - 8, out.end(), kUntouched) == 8);
}

void test_any_number_of_threads_gives_the_same_draws() {
  const std::vector<AliasEntry> table = random_table(100000, 1);  // 800 kB: large enough to be prefetched
  for (const uint64_t count : {0, 1, 100, 131071, 262145, 400001}) {
    for (const uint64_t step : {1, 3}) {
      const uint64_t start = 999999;
      const std::vector<int64_t> expected = draws_one_by_one(table.data(), table.size(), kStream, start, step, count);
      for_each_target([&](Target target) {
        for (const int threads : {1, 2, 3, 8}) {
          check_draw(expected, [&](int64_t* out) {
            draw({table.data(), table.size()}, kStream, {start, step, count}, out, {threads, {}, target},
                 Evaluation::kDirect);
          });
        }
        check_draw(expected, [&](int64_t* out) {
          draw({table.data(), table.size()}, kStream, {start, step, count}, out, {2, {}, target});
        });
        check_draw<int32_t>(expected, [&](int32_t* out) {
          draw({table.data(), table.size()}, kStream, {start, step, count}, out, {2, {}, target});
        });
      });
    }
  }
}

void test_outputs_too_large_for_the_caches_are_the_same() {
  const std::vector<AliasEntry> table = random_table(1000, 2);
  const uint64_t count = 1100000;  // above 8 MiB: streaming stores
  const std::vector<int64_t> expected = draws_one_by_one(table.data(), table.size(), kStream, 5, 1, count);
  check_draw(expected, [&](int64_t* out) {
    draw({table.data(), table.size()}, kStream, {5, 1, count}, out, {2, {}}, Evaluation::kDirect);
  });
}

void test_large_calls_measure_once_and_draw_the_same() {
  const std::vector<AliasEntry> table = random_table(9000, 7);
  const AliasTableView view = {table.data(), table.size()};
  const std::vector<int64_t> expected = draws_one_by_one(table.data(), table.size(), kStream, 16, 1, kWorthMeasuring);
  for_each_target([&](Target target) {
    uint64_t asked = 0;
    const auto count_draws = [&](LookUp, uint64_t, uint64_t n) { asked += n; };
    for (int call = 0; call < 2; ++call) {  // the first measures
      check_draw(expected, [&](int64_t* out) { draw(view, kStream, {16, 1, expected.size()}, out, {2, {}, target}); });
      CHECK(measure_look_ups(view.items, target, count_draws) == 0 && asked == 0);
    }
  });
}

void test_what_is_measured_is_the_quickest_way() {
  const Target target = active_target();
  const uint64_t items = 40000;  // no other test has a table of about this size
  LookUp slow = LookUp::kLoads;
  uint64_t next = 0;
  const uint64_t made = measure_look_ups(items, target, [&](LookUp way, uint64_t first, uint64_t n) {
    CHECK(first == next && n % 64 == 0);
    next += n;
    volatile uint64_t spin = 0;
    for (uint64_t i = 0; i < (way == slow ? 3000000 : way == LookUp::kGathers ? 100 : 1500000); ++i) spin = spin + 1;
  });
  CHECK(made == next && made < kWorthMeasuring);
  CHECK(look_up_for(items, target) == LookUp::kGathers);
  CHECK(measure_look_ups(uint64_t{1} << 31, target, [](LookUp, uint64_t, uint64_t) {}) == 0);  // far from every cache
  CHECK(look_up_for(uint64_t{1} << 31, target) == LookUp::kPrefetched);
}

void test_nobody_asks_for_an_interrupt_and_nothing_changes() {
  const std::vector<AliasEntry> table = random_table(1000, 3);
  const std::vector<int64_t> expected = draws_one_by_one(table.data(), table.size(), kStream, 0, 1, 600000);
  for (const int threads : {1, 2}) {
    check_draw(expected, [&](int64_t* out) {
      draw({table.data(), table.size()}, kStream, {0, 1, expected.size()}, out,
           {threads, [] { return false; }, Target::kPortable}, Evaluation::kDirect);
    });
  }
}

void test_partitioned_draws_equal_single_draws() {
  for (const uint64_t items : {uint64_t{1}, uint64_t{1000}, (uint64_t{1} << 17) + 1, uint64_t{3000000}}) {
    const std::vector<AliasEntry> table = random_table(items, items);
    for (const uint64_t start : {0, 13}) {
      for (const uint64_t count : {0, 2, 70, 129, 50021}) {
        const std::vector<int64_t> expected = draws_one_by_one(table.data(), items, kStream, start, 1, count);
        for_each_target([&](Target target) {
          for (const int threads : {1, 3}) {
            check_draw(expected, [&](int64_t* out) {
              partitioned_draw({table.data(), items}, kStream, start, count, out, {threads, {}, target});
            });
          }
          check_draw<int32_t>(expected, [&](int32_t* out) {
            partitioned_draw({table.data(), items}, kStream, start, count, out, {2, {}, target});
          });
        });
      }
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_any_number_of_threads_gives_the_same_draws);
  RUN(test_outputs_too_large_for_the_caches_are_the_same);
  RUN(test_large_calls_measure_once_and_draw_the_same);
  RUN(test_what_is_measured_is_the_quickest_way);
  RUN(test_nobody_asks_for_an_interrupt_and_nothing_changes);
  RUN(test_partitioned_draws_equal_single_draws);
  return finish_tests();
}
