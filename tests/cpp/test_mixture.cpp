// Mixtures: floor sums, counts and positions against counting one by one, on every target; known answers.
#include <algorithm>
#include <string>

#include "check.h"
#include "core/mixture.h"
#include "cpu/mixture/mixture_counts.h"
#include "cpu/mixture/mixture_cursor.h"
#include "known_answers.h"
#include "mixture_reference.h"
#include "targets.h"

namespace pysampler {
namespace {

void test_wide_divisions_are_exact() {
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    const uint64_t divisor = (random.bits() >> random.below(63)) | 1, high = random.below(divisor), low = random.bits();
    const Quotient found = divide_wide(high, low, divisor);
    const Uint128 value = static_cast<Uint128>(high) << 64 | low;
    CHECK(found.quotient == static_cast<uint64_t>(value / divisor));
    CHECK(found.remainder == static_cast<uint64_t>(value % divisor));
  }
}

void test_wraps_are_those_counted_one_by_one() {
  Random random(2);
  for (int run = 0; run < 30; ++run) {
    const uint64_t start = run == 0 ? 0 : run == 1 ? ~uint64_t{0} : random.bits();
    uint64_t total = 0, before = 0, value = start;
    for (uint64_t count = 0; count < 2000; ++count) {
      CHECK(wraps_before(start, count) == total);
      total += before;  // floor((count * step + start) / 2^64)
      before += value + kMixtureStep < value;
      value += kMixtureStep;
    }
  }
}

void test_wraps_of_long_runs_add_up() {
  Random random(3);
  for (int run = 0; run < 2000; ++run) {
    const uint64_t start = random.bits(), n = random.bits() >> (2 + random.below(61)), m = random.below(1000);
    if (n + m > kMaxMixturePosition) continue;
    // A run of n + m is one of n, and one of m that begins n steps later, n * step / 2^64 whole wraps ahead.
    const Uint128 reached = static_cast<Uint128>(kMixtureStep) * n + start;
    const uint64_t ahead = static_cast<uint64_t>(reached >> 64);
    CHECK(wraps_before(start, n + m) ==
          wraps_before(start, n) + wraps_before(static_cast<uint64_t>(reached), m) + ahead * m);
  }
}

void test_points_between_boundaries_are_those_counted_one_by_one() {
  Random random(4);
  for (int run = 0; run < 300; ++run) {
    const uint64_t points = 1 + random.below(300);
    MassBoundary low = {random.below(points), random.bits()}, high = {random.below(points), random.bits()};
    if (run % 7 == 0) high.rest = low.rest;
    if (run % 11 == 0) low = {0, 0}, high = {points, 0};
    if (high.whole < low.whole || (high.whole == low.whole && high.rest < low.rest)) std::swap(low, high);
    const uint64_t first = random.bits();
    uint64_t total = 0;
    for (uint64_t window = 0; window < 300; ++window) {
      CHECK(points_between(low, high, first, window) == total);
      const uint64_t offset = window_offset(first, window);
      total += points_below(high, offset) - points_below(low, offset);
    }
  }
}

void test_every_position_is_what_counting_from_the_beginning_gives() {
  Random random(5);
  for (int run = 0; run < 40; ++run) {
    const ReferenceMixture mixture = random_mixture(random, run % 2 == 0 ? 12 : 3);
    const auto plan = plan_of(mixture.window, mixture.sizes, mixture.stages);
    const uint64_t seed = random.bits(), windows = 30, count = windows * mixture.window;
    const auto expected = places_by_counting(mixture.window, mixture.sizes.size(), mixture.stages, seed, windows);
    for_each_target([&](Target target) {
      MixtureCursor cursor(plan, seed, target);
      std::vector<MixturePlace> found(count);
      cursor.locate(0, 1, count, found.data());
      CHECK(std::equal(found.begin(), found.end(), expected.begin()));
      for (int jump = 0; jump < 12; ++jump) {  // forwards and backwards, one cursor and new ones
        const uint64_t start = random.below(count), step = 1 + random.below(3 * mixture.window);
        const uint64_t length = std::min<uint64_t>((count - 1 - start) / step + 1, 1 + random.below(400));
        MixtureCursor fresh(plan, seed, target);
        for (MixtureCursor* which : {&cursor, &fresh}) {
          which->locate(start, step, length, found.data());
          bool same = true;
          for (uint64_t i = 0; i < length; ++i) same &= found[i] == expected[start + i * step];
          CHECK(same);
        }
      }
      std::vector<int64_t> items(count + 16, -7);
      cursor.draw(0, 1, count, items.data() + 8);
      bool same = true;
      for (uint64_t i = 0; i < count; ++i) {
        same &= items[8 + i] == static_cast<int64_t>(item_of(*plan, seed, expected[i]));
      }
      CHECK(same);
      CHECK(std::count(items.begin(), items.begin() + 8, -7) == 8);
      CHECK(std::count(items.end() - 8, items.end(), -7) == 8);
    });
  }
}

void test_counts_and_windows_of_occurrences_are_those_counted() {
  Random random(6);
  for (int run = 0; run < 40; ++run) {
    const ReferenceMixture mixture = random_mixture(random, 4);
    const auto plan = plan_of(mixture.window, mixture.sizes, mixture.stages);
    const uint64_t seed = random.bits(), windows = 25, sources = mixture.sizes.size();
    const auto places = places_by_counting(mixture.window, sources, mixture.stages, seed, windows);
    const MixtureCounts counts(*plan, seed);
    std::vector<uint64_t> seen(sources);
    for (uint64_t window = 0; window <= windows; ++window) {
      for (uint64_t s = 0; s < sources; ++s) CHECK(counts.before(s, window) == seen[s]);
      for (uint64_t i = 0; window < windows && i < mixture.window; ++i) {
        const MixturePlace& place = places[window * mixture.window + i];
        if (i % 5 == 0) CHECK(counts.window_of(place.source, place.occurrence) == window);
        ++seen[place.source];
      }
    }
    for (uint64_t s = 0; s < sources; ++s) {
      if (mixture.stages.back().masses[s] == 0) CHECK(counts.window_of(s, seen[s] + (1 << 20)) == MixtureCounts::kNever);
    }
  }
}

// Far out nothing can be counted, but the pieces must fit: positions of a window number each source's occurrences on from
// what the closed form says came before it.
void test_far_windows_hold_the_occurrences_that_follow() {
  Random random(7);
  for (int run = 0; run < 40; ++run) {
    const ReferenceMixture mixture = random_mixture(random, run % 2 == 0 ? 12 : 3);
    const auto plan = plan_of(mixture.window, mixture.sizes, mixture.stages);
    const uint64_t seed = random.bits(), sources = mixture.sizes.size();
    const MixtureCounts counts(*plan, seed);
    const uint64_t window = random.bits() % (kMaxMixturePosition / mixture.window - 3);
    MixtureCursor cursor(plan, seed, active_target());
    std::vector<MixturePlace> found(3 * mixture.window);
    cursor.locate(window * mixture.window, 1, found.size(), found.data());
    for (uint64_t s = 0; s < sources; ++s) {
      std::vector<uint64_t> mine;
      for (const MixturePlace& place : found) {
        if (place.source == s) mine.push_back(place.occurrence);
      }
      std::sort(mine.begin(), mine.end());
      const uint64_t first = counts.before(s, window);
      CHECK(counts.before(s, window + 3) - first == mine.size());
      for (uint64_t i = 0; i < mine.size(); ++i) CHECK(mine[i] == first + i);
    }
    uint64_t total = 0;
    for (uint64_t s = 0; s < sources; ++s) total += counts.before(s, window);
    CHECK(total == window * mixture.window);
  }
}

void test_thousands_of_small_sources_are_the_same_read_densely_or_not() {
  Random random(8);
  std::vector<uint64_t> sizes(3000, 500);
  std::vector<Uint128> shares, others;
  for (uint64_t s = 0; s < sizes.size(); ++s) {
    shares.push_back(1 + random.below(s % 50 == 0 ? 9000 : 1000));  // up to some 200 points of the group's windows
    others.push_back(random.below(3) == 0 ? 0 : 1 + random.below(1000));
  }
  const auto plan = plan_of(256, sizes, {{0, masses_of(shares)}, {40, masses_of(others)}});
  const uint64_t count = 256 * 80;
  std::vector<int64_t> expected(count);
  MixtureCursor(plan, 3, Target::kPortable).draw(0, 1, count, expected.data());
  for_each_target([&](Target target) {
    for (const uint64_t step : {1, 3, 16, 17, 33, 300}) {
      MixtureCursor cursor(plan, 3, target);
      for (uint64_t start = 0; start < step && start < 20; start += 7) {
        const uint64_t length = (count - 1 - start) / step + 1;
        std::vector<int64_t> found(length);
        for (uint64_t done = 0; done < length;) {  // in pieces, as iterators take them
          const uint64_t piece = std::min<uint64_t>(length - done, 1 + random.below(2000));
          cursor.draw(start + done * step, step, piece, found.data() + done);
          done += piece;
        }
        bool same = true;
        for (uint64_t i = 0; i < length; ++i) same &= found[i] == expected[start + i * step];
        CHECK(same);
      }
    }
  });
}

void test_padding_has_the_shares_of_its_stage_and_no_source_without_one() {
  Random random(9);
  for (int run = 0; run < 30; ++run) {
    const ReferenceMixture mixture = random_mixture(random);
    const auto plan = plan_of(mixture.window, mixture.sizes, mixture.stages);
    MixtureCursor cursor(plan, 1, active_target());
    constexpr uint64_t kCount = 2000;
    std::vector<int64_t> found(kCount), later(kCount - 7);
    for (const ReferenceStage& stage : mixture.stages) {
      cursor.pad(5, stage.first_window * mixture.window, 100, 3, kCount, found.data());
      std::vector<uint64_t> seen(mixture.sizes.size());
      for (const int64_t item : found) {
        uint64_t s = 0;
        while ((*plan->sources)[s].first_item + mixture.sizes[s] <= static_cast<uint64_t>(item)) ++s;
        ++seen[s];
      }
      for (uint64_t s = 0; s < seen.size(); ++s) {
        const double p = static_cast<double>(stage.masses[s]) / 0x1p64;
        const double off = static_cast<double>(seen[s]) - kCount * p;
        CHECK(stage.masses[s] != 0 || seen[s] == 0);
        CHECK(off * off <= 36 * kCount * p * (1 - p) + 36);
      }
      cursor.pad(5, stage.first_window * mixture.window, 100 + 7 * 3, 3, kCount - 7, later.data());
      CHECK(std::equal(later.begin(), later.end(), found.begin() + 7));
    }
  }
}

uint64_t number(const std::string& text) { return std::stoull(text, nullptr, 16); }

void test_known_answers() {
  uint64_t places = 0, seed = 0;
  ReferenceMixture mixture;
  std::shared_ptr<MixturePlan> plan;
  for (const std::vector<std::string>& row : known_answers("mixture_kat.txt")) {
    if (row[0] == "mixture") {
      seed = number(row[1]);
      mixture = {number(row[2]), {}, {}};
      for (uint64_t i = 3; i < row.size(); ++i) mixture.sizes.push_back(number(row[i]));
      plan = std::make_shared<MixturePlan>(*plan_of(mixture.window, mixture.sizes, {}));
    } else if (row[0] == "stage") {  // as the core gets it: sources and boundaries of both lattices
      const uint64_t first = number(row[1]), bits = number(row[2]), outer = number(row[3]), inner = number(row[4]);
      uint64_t at = 5;
      const auto take = [&](uint64_t count) {
        Intervals made;
        for (uint64_t i = 0; i < count; ++i) made.sources.push_back(static_cast<uint32_t>(number(row[at++])));
        for (uint64_t i = 0; count != 0 && i <= count; ++i, at += 2) {
          made.begins.push_back({number(row[at]), number(row[at + 1])});
        }
        return made;
      };
      Intervals outer_intervals = take(outer), inner_intervals = take(inner);
      plan->stages.push_back(std::make_shared<const MixtureStage>(
          mixture_stage(first, outer_intervals, inner_intervals, static_cast<int>(bits), mixture.sizes.size())));
    } else {
      const uint64_t position = number(row[1]);
      MixturePlace place;
      int64_t item = 0;
      MixtureCursor cursor(plan, seed, active_target());
      cursor.locate(position, 1, 1, &place);
      cursor.draw(position, 1, 1, &item);
      CHECK(place.source == number(row[2]) && place.occurrence == number(row[3]));
      CHECK(item == static_cast<int64_t>(number(row[4])));
      ++places;
    }
  }
  CHECK(places >= 100);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_wide_divisions_are_exact);
  RUN(test_wraps_are_those_counted_one_by_one);
  RUN(test_wraps_of_long_runs_add_up);
  RUN(test_points_between_boundaries_are_those_counted_one_by_one);
  RUN(test_every_position_is_what_counting_from_the_beginning_gives);
  RUN(test_counts_and_windows_of_occurrences_are_those_counted);
  RUN(test_far_windows_hold_the_occurrences_that_follow);
  RUN(test_thousands_of_small_sources_are_the_same_read_densely_or_not);
  RUN(test_padding_has_the_shares_of_its_stage_and_no_source_without_one);
  RUN(test_known_answers);
  return finish_tests();
}
