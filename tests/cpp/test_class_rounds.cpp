// Rounds through classes: what comes when, by brute force over whole epochs.
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "check.h"
#include "core/class_rounds.h"
#include "cpu/classes/class_rounds.h"
#include "targets.h"

namespace pysampler {
namespace {

// Classes of the given sizes, each a range of consecutive items.
struct Classes {
  std::vector<ClassRange> ranges;

  explicit Classes(const std::vector<uint32_t>& sizes) {
    uint32_t begin = 0;
    for (const uint32_t size : sizes) {
      ranges.push_back({size, begin});
      begin += size;
    }
  }
  ClassItems items() const { return {ranges.data(), nullptr, ranges.size()}; }
  uint64_t class_of(int64_t item) const {
    uint64_t c = 0;
    while (item >= static_cast<int64_t>(ranges[c].begin) + ranges[c].size) ++c;
    return c;
  }
};

void test_a_cycle_of_rounds_goes_once_through_an_order() {
  for (const uint64_t size : {1, 2, 5, 6, 64, 65, 100}) {
    for (const uint64_t per_round : {1, 2, 3, 5, 6, 7, 64, 100, 250}) {
      const uint64_t rounds = (size + per_round - 1) / per_round;
      std::multiset<uint64_t> cycle;
      for (uint64_t round = 3 * rounds; round < 4 * rounds; ++round) {
        std::map<uint64_t, uint64_t> times;
        for (uint64_t i = 0; i < per_round; ++i) {
          const RoundPlace at = place_in_round(round, i, per_round, size);
          CHECK(at.cycle == 3 && at.place < size);
          ++times[at.place];
          cycle.insert(at.place);
        }
        for (const auto& [place, count] : times) {
          CHECK(count == per_round / size || count == per_round / size + 1);
        }
      }
      for (uint64_t place = 0; place < size; ++place) {
        const uint64_t count = cycle.count(place), least = rounds * per_round / size;
        CHECK(count >= 1 && (count == least || count == least + 1));
      }
    }
  }
}

void test_rounds_beyond_two_to_the_48_are_places_all_the_same() {
  const RoundPlace at = place_in_round((uint64_t{1} << 48) - 1, 0xFFFFFFFEull, 0xFFFFFFFFull, 0xFFFFFFFFull);
  CHECK(at.cycle == (uint64_t{1} << 48) - 1 && at.place == 0xFFFFFFFEull);
  CHECK(place_in_round(~uint64_t{0}, 1, 2, 3).place < 3);
}

// Counting cards one by one: every class as often as the deck has been dealt, no class twice in a batch.
void test_dealing_agrees_with_a_count_of_all_batches_before() {
  for (const uint64_t classes : {1, 2, 3, 6, 7, 10}) {
    for (uint64_t per_batch = 1; per_batch <= classes; ++per_batch) {
      std::map<std::pair<uint64_t, uint64_t>, uint64_t> dealt_in_cycle;
      std::vector<uint64_t> times(classes);  // by class, through the deck's orders
      for (uint64_t epoch = 0; epoch < 7; ++epoch) {
        for (uint64_t batch = 0; batch < 5; ++batch) {
          std::set<uint64_t> in_batch;
          for (uint64_t card = 0; card < per_batch; ++card) {
            const Deal dealt = deal(epoch, 5, batch, card, per_batch, classes);
            const uint64_t of_class = permute(deck_order(9, dealt.cycle, classes), dealt.place);
            CHECK(in_batch.insert(of_class).second);
            CHECK(dealt.round == times[of_class]++);
          }
          const auto [least, most] = std::minmax_element(times.begin(), times.end());
          CHECK(*most - *least <= 1);
        }
      }
    }
  }
}

void test_dealing_far_on_equals_dealing_in_one_long_epoch() {
  for (const uint64_t classes : {uint64_t{3}, uint64_t{10}, uint64_t{9973}, kMaxClasses}) {
    for (const uint64_t per_batch : {1, 2, 3}) {
      for (const uint64_t epoch : {uint64_t{1}, uint64_t{1000003}, (uint64_t{1} << 33) - 1}) {
        const uint64_t batches = (uint64_t{1} << 29) + 3;  // epoch * batches + batch stays below 2^64
        const Deal far = deal(epoch, batches, 12345, 1 % per_batch, per_batch, classes);
        const Deal flat = deal(0, 1, epoch * batches + 12345, 1 % per_batch, per_batch, classes);
        CHECK(far.cycle == flat.cycle && far.place == flat.place && far.round == flat.round);
      }
    }
  }
}

std::vector<int64_t> epoch_of(const UnderSampling& sampling, uint64_t epoch) {
  std::vector<int64_t> shown(sampling.ends.back());
  sampling.draw(5, epoch, {0, 1, shown.size()}, shown.data(), Target::kPortable);
  return shown;
}

void test_under_sampled_epochs_show_each_class_its_quota_and_all_in_turn() {
  const Classes classes({1000, 30, 0, 7, 95});
  const UnderSampling sampling = {classes.items(), {30, 60, 60, 67, 77}};  // quotas 30, 30, 0, 7, 10
  std::vector<std::vector<int64_t>> times(2, std::vector<int64_t>(1132));
  for (uint64_t epoch = 0; epoch < 68; ++epoch) {
    const std::vector<int64_t> shown = epoch_of(sampling, epoch);
    CHECK(std::set<int64_t>(shown.begin(), shown.end()).size() == 77);
    std::vector<int> per_class(5);
    for (const int64_t item : shown) {
      ++per_class[classes.class_of(item)];
      ++times[epoch / 34][item];
    }
    CHECK((per_class == std::vector<int>{30, 30, 0, 7, 10}));
  }
  for (const std::vector<int64_t>& run : times) {  // 34 epochs: a cycle of the first class
    for (int64_t item = 0; item < 1000; ++item) CHECK(run[item] == 1 || run[item] == 2);
    CHECK(std::count(run.begin(), run.begin() + 1000, 2) == 20);
    CHECK(std::all_of(run.begin() + 1000, run.begin() + 1037, [](int64_t n) { return n == 34; }));
  }
  CHECK(times[0] != times[1]);
}

void test_any_stretch_of_an_epoch_is_the_same_on_every_target() {
  const Classes classes({5000, 300, 1, 70, 2000});
  const UnderSampling sampling = {classes.items(), {400, 1000, 1003, 1073, 1473}};  // 700 of 300, 3 of 1
  const MPerClassBatches batches = {classes.items(), {0, 1, 3, 4}, 6, 3, 100};
  std::vector<int64_t> shown(3 * 1473), dealt(5000);
  sampling.draw(8, 9, {0, 1, shown.size()}, shown.data(), Target::kPortable);
  batches.draw(8, 9, {0, 1, dealt.size()}, dealt.data());
  const auto check = [](const std::vector<int64_t>& all, uint64_t start, uint64_t step, auto draw) {
    std::vector<int64_t> part((all.size() - 1 - start) / step + 1), expected;
    for (uint64_t p = start; p < all.size(); p += step) expected.push_back(all[p]);
    draw(start, step, part.size(), part.data());
    CHECK(part == expected);
  };
  for_each_target([&](Target target) {
    for (const uint64_t step : {1, 2, 7, 1473, 2000}) {
      for (const uint64_t start : {0, 1, 1000, 1472, 1473, 4000}) {
        check(shown, start, step, [&](uint64_t first, uint64_t apart, uint64_t count, int64_t* out) {
          sampling.draw(8, 9, {first, apart, count}, out, target);
        });
        check(dealt, start, step, [&](uint64_t first, uint64_t apart, uint64_t count, int64_t* out) {
          batches.draw(8, 9, {first, apart, count}, out);
        });
      }
    }
  });
}

void test_what_follows_an_under_sampled_epoch_is_the_same_items_again() {
  const Classes classes({50, 9});
  const UnderSampling sampling = {classes.items(), {9, 18}};
  std::vector<int64_t> shown(36);
  sampling.draw(1, 2, {0, 1, 36}, shown.data(), Target::kPortable);
  std::vector<int64_t> first(shown.begin(), shown.begin() + 18), second(shown.begin() + 18, shown.end());
  CHECK(first != second);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  CHECK(first == second);
}

void test_batches_have_m_items_of_each_class_and_show_all_in_turn() {
  const Classes classes({5, 0, 3, 9, 4, 7});
  const MPerClassBatches batches = {classes.items(), {0, 2, 3, 4, 5}, 4, 3, 10};
  std::map<uint64_t, std::vector<std::set<int64_t>>> rounds;  // of each class
  for (uint64_t epoch = 0; epoch < 20; ++epoch) {
    std::vector<int64_t> dealt(120);
    batches.draw(3, epoch, {0, 1, 120}, dealt.data());
    for (int group = 0; group < 30; ++group) {
      const auto begin = dealt.begin() + 4 * group;
      const uint64_t of_class = classes.class_of(*begin);
      CHECK(std::all_of(begin, begin + 4, [&](int64_t item) { return classes.class_of(item) == of_class; }));
      rounds[of_class].emplace_back(begin, begin + 4);
      CHECK(rounds[of_class].back().size() == std::min<size_t>(4, classes.ranges[of_class].size));
    }
    std::vector<int64_t> next(12);  // beyond the end: what the next epoch begins with
    batches.draw(3, epoch, {120, 1, 12}, next.data());
    std::vector<int64_t> begins(12);
    batches.draw(3, epoch + 1, {0, 1, 12}, begins.data());
    CHECK(next == begins);
  }
  CHECK(rounds.size() == 5);
  for (const auto& [of_class, sets] : rounds) {
    CHECK(sets.size() == 120);
    const size_t size = classes.ranges[of_class].size, per_cycle = (size + 3) / 4;
    std::set<std::set<int64_t>> different;
    for (size_t first = 0; first + per_cycle <= sets.size(); first += per_cycle) {
      std::set<int64_t> shown;
      for (size_t r = first; r < first + per_cycle; ++r) shown.insert(sets[r].begin(), sets[r].end());
      CHECK(shown.size() == size);
      different.insert(sets[first]);
    }
    CHECK(size <= 4 || different.size() > 3);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_a_cycle_of_rounds_goes_once_through_an_order);
  RUN(test_rounds_beyond_two_to_the_48_are_places_all_the_same);
  RUN(test_dealing_agrees_with_a_count_of_all_batches_before);
  RUN(test_dealing_far_on_equals_dealing_in_one_long_epoch);
  RUN(test_under_sampled_epochs_show_each_class_its_quota_and_all_in_turn);
  RUN(test_any_stretch_of_an_epoch_is_the_same_on_every_target);
  RUN(test_what_follows_an_under_sampled_epoch_is_the_same_items_again);
  RUN(test_batches_have_m_items_of_each_class_and_show_all_in_turn);
  return finish_tests();
}
