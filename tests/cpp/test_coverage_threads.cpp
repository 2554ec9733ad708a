// Coverage: what is marked, counted and found is the same for any number of threads, and what plain loops find.
#include <algorithm>
#include <set>
#include <vector>

#include "check.h"
#include "cpu/coverage/count_bits.h"
#include "cpu/coverage/mark.h"
#include "cpu/coverage/mark_kernel.h"
#include "cpu/coverage/redraw.h"
#include "random.h"

namespace pysampler {
namespace {

constexpr int kThreads[] = {1, 2, 3, 8};
// Marks of few items are kept once per thread, those of many are shared; sizes on both sides, and beside whole words.
constexpr uint64_t kFewItems = 1000, kManyItems = (uint64_t{1} << 23) + 65;
constexpr uint64_t kManyCounted = (uint64_t{1} << 19) + 1;

struct OwnedMarks {
  explicit OwnedMarks(uint64_t items, bool counting = false)
      : words(bitmap_words(items)), counts(counting ? items : 0), view{items, words.data(), nullptr} {
    if (counting) view.counts = counts.data();
  }
  OwnedMarks(const OwnedMarks&) = delete;

  bool operator==(const OwnedMarks& other) const { return words == other.words && counts == other.counts; }

  std::vector<uint64_t> words;
  std::vector<uint16_t> counts;
  Marks view;
};

template <class Index>
IndexView view_of(const std::vector<Index>& indices) {
  return {indices.data(), indices.size(), sizeof(Index) == sizeof(int64_t)};
}

void mark_one_by_one(const std::vector<int64_t>& indices, const Marks& marks) {
  for (const int64_t index : indices) {
    marks.words[index / 64] |= uint64_t{1} << index % 64;
    if (marks.counts != nullptr && marks.counts[index] != kMostCounted) ++marks.counts[index];
  }
}

// Indices of which some come very often.
std::vector<int64_t> skewed_indices(uint64_t count, uint64_t items, uint64_t seed) {
  Random random(seed);
  std::vector<int64_t> indices(count);
  for (int64_t& index : indices) {
    index = static_cast<int64_t>(random.below(4) == 0 ? items - 1 : random.below(items));
  }
  return indices;
}

void test_any_number_of_threads_marks_what_a_plain_loop_marks() {
  for (const bool counting : {false, true}) {
    for (const uint64_t items : {uint64_t{1}, uint64_t{64}, kFewItems, counting ? kManyCounted : kManyItems}) {
      for (const uint64_t count : {0, 1, 33, 4097, 131072, 500001}) {
        const std::vector<int64_t> indices = skewed_indices(count, items, items + count);
        const std::vector<int32_t> narrow(indices.begin(), indices.end());
        OwnedMarks expected(items, counting);
        mark_one_by_one(indices, expected.view);
        mark_one_by_one(indices, expected.view);
        for (const int threads : kThreads) {
          OwnedMarks marks(items, counting);
          mark(view_of(indices), marks.view, {threads, {}});
          mark(view_of(narrow), marks.view, {threads, {}});
          CHECK(marks == expected);
        }
      }
    }
  }
}

void test_counts_stop_at_the_largest() {
  for (const uint64_t items : {uint64_t{2}, kManyCounted}) {
    const std::vector<int64_t> indices(300000, 1);
    for (const int threads : kThreads) {
      OwnedMarks marks(items, true);
      marks.counts[0] = kMostCounted - 1;
      mark(view_of(indices), marks.view, {threads, {}});
      mark(view_of(std::vector<int64_t>{0, 0, 0}), marks.view, {threads, {}});
      CHECK(marks.counts[0] == kMostCounted && marks.counts[1] == kMostCounted);
      CHECK(std::count(marks.counts.begin() + 2, marks.counts.end(), 0) == static_cast<int64_t>(items - 2));
    }
  }
}

void test_the_first_index_out_of_range_is_named_and_nothing_is_marked() {
  const uint64_t items = kFewItems;
  for (const int64_t wrong : {int64_t{-1}, int64_t{1000}, INT64_MIN, INT64_MAX}) {
    for (const uint64_t place : {0, 4095, 4096, 131071, 131072, 299999}) {
      std::vector<int64_t> indices = skewed_indices(300000, items, 7);
      indices[place] = wrong;
      if (place + 4000 < indices.size()) indices[place + 4000] = -5;
      indices.back() = wrong;
      for (const int threads : kThreads) {
        OwnedMarks marks(items, true);
        try {
          mark(view_of(indices), marks.view, {threads, {}});
          CHECK(false);
        } catch (const IndexOutOfRange& error) {
          CHECK(error.place == place && error.index == wrong && !error.changed);
        }
        CHECK(marks == OwnedMarks(items, true));
      }
    }
  }
}

void test_an_index_that_turns_bad_after_the_check_is_never_used() {
  for (const int64_t wrong : {int64_t{-1}, INT64_MAX}) {
    std::vector<int64_t> indices(300000, 3);
    OwnedMarks marks(kFewItems, true);
    int asked = 0;  // once after each task: three tasks of checking come first
    const Interrupt spoil = [&] {
      if (++asked == 3) indices[200000] = wrong;
      return false;
    };
    try {
      mark(view_of(indices), marks.view, {1, spoil});
      CHECK(false);
    } catch (const IndexOutOfRange& error) {
      CHECK(error.place == 200000 && error.index == wrong && error.changed);
    }
  }
}

void test_what_is_in_range_is_told_exactly() {
  for (const int64_t items : {int64_t{1}, int64_t{1000}, int64_t{1} << 40}) {
    for (const int64_t index : {int64_t{0}, items - 1, items, items + 1, int64_t{-1}, -items, INT64_MIN, INT64_MAX}) {
      const std::vector<int64_t> indices = {0, index, 0};
      CHECK(all_in_range(indices.data(), 3, static_cast<uint64_t>(items)) == (index >= 0 && index < items));
    }
  }
}

// Epochs that draw (7 * epoch + position * position) % items.
Redraw made_up_draws(uint64_t epochs, uint64_t start, uint64_t count, uint64_t items) {
  Redraw redraw = {{}, start, count};
  for (uint64_t epoch = 0; epoch < epochs; ++epoch) {
    redraw.epochs.emplace_back([epoch, items](uint64_t first, uint64_t chunk, int64_t* out) {
      for (uint64_t i = 0; i < chunk; ++i) {
        out[i] = static_cast<int64_t>((7 * epoch + (first + i) * (first + i)) % items);
      }
    });
  }
  return redraw;
}

struct Shape {
  uint64_t epochs, start, count, items;
};

const Shape kShapes[] = {{0, 0, 10, 5},          {1, 0, 0, 5},      {1, 5, 300001, kFewItems},
                         {40, 3, 7000, kFewItems}, {2, 0, 200000, kManyItems}};

void test_fused_draws_mark_what_the_listed_draws_mark() {
  for (const Shape& shape : kShapes) {
    const Redraw redraw = made_up_draws(shape.epochs, shape.start, shape.count, shape.items);
    std::vector<int64_t> list(shape.count);
    OwnedMarks expected(shape.items, true);
    for (const DrawPositions& epoch : redraw.epochs) {
      epoch(shape.start, shape.count, list.data());
      mark_one_by_one(list, expected.view);
    }
    for (const int threads : kThreads) {
      OwnedMarks marks(shape.items, true);
      mark_draws(redraw, marks.view, {threads, {}});
      CHECK(marks == expected);
    }
  }
}

void test_wanted_items_are_found_in_order() {
  for (const Shape& shape : kShapes) {
    const Redraw redraw = made_up_draws(shape.epochs, shape.start, shape.count, shape.items);
    const std::set<int64_t> items = {0, 4, static_cast<int64_t>(shape.items - 1)};
    OwnedMarks wanted(shape.items);
    mark_one_by_one({items.begin(), items.end()}, wanted.view);
    std::vector<Sighting> expected;
    std::vector<int64_t> list(shape.count);
    for (uint64_t epoch = 0; epoch < shape.epochs; ++epoch) {
      redraw.epochs[epoch](shape.start, shape.count, list.data());
      for (uint64_t i = 0; i < shape.count; ++i) {
        if (items.count(list[i]) != 0) expected.push_back({epoch, shape.start + i, list[i]});
      }
    }
    for (const int threads : kThreads) {
      const std::vector<Sighting> found = find_draws(redraw, wanted.words.data(), shape.items, {threads, {}});
      CHECK(std::equal(found.begin(), found.end(), expected.begin(), expected.end(), [](const auto& a, const auto& b) {
        return a.epoch == b.epoch && a.position == b.position && a.item == b.item;
      }));
    }
  }
}

void test_a_draw_that_is_no_item_is_refused() {
  const Redraw redraw = made_up_draws(2, 0, 300000, 2 * kFewItems);
  for (const int threads : kThreads) {
    OwnedMarks marks(kFewItems);
    CHECK(THROWS(mark_draws(redraw, marks.view, {threads, {}}), IndexOutOfRange));
    CHECK(THROWS(find_draws(redraw, marks.words.data(), kFewItems, {threads, {}}), IndexOutOfRange));
  }
}

void test_interrupts_stop_the_work() {
  const std::vector<int64_t> indices(600000, 3);
  const Redraw redraw = made_up_draws(2, 0, 300000, kFewItems);
  for (const int threads : {1, 2}) {
    OwnedMarks marks(kFewItems);
    const Execution interrupted = {threads, [] { return true; }};
    CHECK(THROWS(mark(view_of(indices), marks.view, interrupted), Interrupted));
    CHECK(THROWS(mark_draws(redraw, marks.view, interrupted), Interrupted));
    CHECK(THROWS(find_draws(redraw, marks.words.data(), kFewItems, interrupted), Interrupted));
  }
}

void test_bits_are_counted_exactly() {
  Random random(5);
  for (const uint64_t words : {0, 1, 7, 131072, 300001}) {
    std::vector<uint64_t> one(words), other(words);
    uint64_t in_one = 0, in_either = 0;
    for (uint64_t i = 0; i < words; ++i) {
      one[i] = i % 5 == 0 ? ~uint64_t{0} : random.bits() & random.bits();
      other[i] = i % 7 == 0 ? 0 : random.bits();
      for (int bit = 0; bit < 64; ++bit) {
        in_one += one[i] >> bit & 1;
        in_either += (one[i] | other[i]) >> bit & 1;
      }
    }
    for (const int threads : kThreads) {
      CHECK(count_bits(one.data(), nullptr, words, {threads, {}}) == in_one);
      CHECK(count_bits(one.data(), other.data(), words, {threads, {}}) == in_either);
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_any_number_of_threads_marks_what_a_plain_loop_marks);
  RUN(test_counts_stop_at_the_largest);
  RUN(test_the_first_index_out_of_range_is_named_and_nothing_is_marked);
  RUN(test_an_index_that_turns_bad_after_the_check_is_never_used);
  RUN(test_what_is_in_range_is_told_exactly);
  RUN(test_fused_draws_mark_what_the_listed_draws_mark);
  RUN(test_wanted_items_are_found_in_order);
  RUN(test_a_draw_that_is_no_item_is_refused);
  RUN(test_interrupts_stop_the_work);
  RUN(test_bits_are_counted_exactly);
  return finish_tests();
}
