// Marks and counts as the GPU makes them, run on the CPU over the launcher's grid, against the plain loop
// and the marks of the CPU.
#include <algorithm>
#include <limits>
#include <vector>

#include "check.h"
#include "cpu/coverage/count_bits.h"
#include "cpu/coverage/mark.h"
#include "cuda/coverage/mark_body.h"
#include "random.h"

namespace pysampler {
namespace {

using cuda::CheckIndices;
using cuda::CountBits;
using cuda::DeviceMarks;
using cuda::MarkIndices;
using cuda::MarkJob;
using cuda::MarkState;

constexpr uint32_t kMultiprocessors[] = {1, 132};

struct OwnMarks {
  std::vector<uint64_t> words;
  std::vector<uint32_t> counts;

  DeviceMarks view(uint64_t items, bool counting) { return {items, words.data(), counting ? counts.data() : nullptr}; }
  explicit OwnMarks(uint64_t items) : words((items + 63) / 64), counts(items) {}
  bool operator==(const OwnMarks& other) const { return words == other.words && counts == other.counts; }
};

// Marked by the CPU, whose counts have 16 bits.
template <class Index>
OwnMarks mark_on_cpu(const std::vector<Index>& indices, uint64_t items, bool counting) {
  OwnMarks marks(items);
  std::vector<uint16_t> counts(items);
  const Marks view = {items, marks.words.data(), counting ? counts.data() : nullptr};
  mark({indices.data(), indices.size(), sizeof(Index) == 8}, view, {});
  marks.counts.assign(counts.begin(), counts.end());
  return marks;
}

template <class Index>
MarkState mark_as_gpu(const std::vector<Index>& indices, uint64_t items, OwnMarks& marks, bool counting,
                      uint32_t multiprocessors) {
  MarkState state = {UINT64_MAX, UINT64_MAX};
  const MarkJob<Index> job = {indices.data(), indices.size(), marks.view(items, counting), &state};
  const cuda::Grid grid = cuda::mark_grid(indices.size(), multiprocessors);
  run_on_cpu(CheckIndices<Index>{job}, grid);
  run_on_cpu(MarkIndices<Index>{job}, grid);
  return state;
}

uint64_t count_as_gpu(const std::vector<uint64_t>& words, const std::vector<uint64_t>* other,
                      uint32_t multiprocessors) {
  uint64_t total = 0;
  const cuda::Grid grid = cuda::count_bits_grid(words.size(), multiprocessors);
  const uint64_t* const second = other == nullptr ? nullptr : other->data();
  run_team_on_cpu(CountBits{words.data(), second, words.size(), &total, grid}, grid.blocks);
  return total;
}

template <class Index>
void check_marks(uint64_t items, uint64_t count, uint64_t seed) {
  Random random(seed);
  std::vector<Index> indices(count);
  for (Index& index : indices) index = static_cast<Index>(random.below(items));
  for (const bool counting : {false, true}) {
    OwnMarks expected(items);
    for (const Index index : indices) {
      const auto item = static_cast<uint64_t>(index);
      expected.words[item / 64] |= uint64_t{1} << item % 64;
      if (counting && expected.counts[item] != 65535) ++expected.counts[item];
    }
    CHECK(mark_on_cpu(indices, items, counting) == expected);
    for (const uint32_t multiprocessors : kMultiprocessors) {
      OwnMarks marks(items);
      const MarkState state = mark_as_gpu(indices, items, marks, counting, multiprocessors);
      CHECK(state.first_wrong == UINT64_MAX && state.first_changed == UINT64_MAX);
      CHECK(marks == expected);
    }
  }
}

void test_marks_and_counts_are_those_of_the_plain_loop() {
  for (const uint64_t items : {1, 2, 63, 64, 65, 1000, 100'000}) {
    for (const uint64_t count : {0, 1, 255, 256, 257, 5000}) {
      check_marks<int64_t>(items, count, items + count);
      check_marks<int32_t>(items, count, items * 3 + count);
    }
  }
  check_marks<int64_t>(10'000'000, 1'100'000, 9);  // more than the threads of either grid
}

void test_counts_stop_at_the_most_they_can_hold() {
  OwnMarks marks(3);
  marks.counts = {65533, 65535, 70'000};  // the last as threads leave it that count at the same time
  const std::vector<int64_t> indices = {0, 1, 0, 0, 1, 0, 2};
  mark_as_gpu(indices, 3, marks, true, 1);
  CHECK(marks.counts == (std::vector<uint32_t>{65535, 65535, 70'000}));
  CHECK(marks.words == std::vector<uint64_t>{7});
}

template <class Index>
uint64_t place_named_by_cpu(const std::vector<Index>& indices, uint64_t items) {
  try {
    mark_on_cpu(indices, items, true);
  } catch (const IndexOutOfRange& error) {
    return error.place;
  }
  return UINT64_MAX;
}

template <class Index>
void check_wrong(uint64_t items, const std::vector<Index>& wrong) {
  Random random(items);
  for (const Index index : wrong) {
    for (const uint64_t count : {1, 1000, 700'000}) {
      std::vector<Index> indices(count, 0);
      const uint64_t place = random.below(count);
      indices[place] = index;
      for (int later = 0; later < 3; ++later) indices[place + random.below(count - place)] = index;
      for (const uint32_t multiprocessors : kMultiprocessors) {
        OwnMarks marks(items);
        const MarkState state = mark_as_gpu(indices, items, marks, true, multiprocessors);
        CHECK(state.first_wrong == place && state.first_changed == UINT64_MAX);
        CHECK(marks == OwnMarks(items));
        CHECK(place_named_by_cpu(indices, items) == place);
      }
    }
  }
}

void test_one_wrong_index_is_named_and_nothing_is_marked() {
  check_wrong<int64_t>(5, {5, -1, 64, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(),
                           (int64_t{1} << 32), -(int64_t{1} << 32) + 2});
  check_wrong<int32_t>(5, {5, -1, 64, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()});
}

void test_an_index_that_goes_wrong_after_the_check_is_named_and_not_marked() {
  std::vector<int64_t> indices(1000, 3);
  OwnMarks marks(10);
  MarkState state = {UINT64_MAX, UINT64_MAX};
  const MarkJob<int64_t> job = {indices.data(), 1000, marks.view(10, true), &state};
  run_on_cpu(CheckIndices<int64_t>{job}, cuda::mark_grid(1000, 1));
  indices[700] = -9;
  indices[800] = 10;
  run_on_cpu(MarkIndices<int64_t>{job}, cuda::mark_grid(1000, 1));
  CHECK(state.first_wrong == UINT64_MAX && state.first_changed == 700);
  CHECK(marks.words == std::vector<uint64_t>{8} && marks.counts[3] == 998);
}

void test_bits_are_counted_in_one_bitmap_and_in_the_union_of_two() {
  Random random(2);
  for (const uint64_t words : {0, 1, 255, 256, 257, 300'000}) {
    std::vector<uint64_t> a(words), b(words);
    uint64_t in_a = 0, in_either = 0;
    for (uint64_t i = 0; i < words; ++i) {
      a[i] = random.bits() & random.bits();
      b[i] = i % 5 == 0 ? ~uint64_t{0} : random.bits();
      for (int bit = 0; bit < 64; ++bit) {
        in_a += a[i] >> bit & 1;
        in_either += (a[i] | b[i]) >> bit & 1;
      }
    }
    CHECK(count_bits(a.data(), nullptr, words, {}) == in_a && count_bits(a.data(), b.data(), words, {}) == in_either);
    for (const uint32_t multiprocessors : kMultiprocessors) {
      CHECK(count_as_gpu(a, nullptr, multiprocessors) == in_a);
      CHECK(count_as_gpu(a, &b, multiprocessors) == in_either);
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_marks_and_counts_are_those_of_the_plain_loop);
  RUN(test_counts_stop_at_the_most_they_can_hold);
  RUN(test_one_wrong_index_is_named_and_nothing_is_marked);
  RUN(test_an_index_that_goes_wrong_after_the_check_is_named_and_not_marked);
  RUN(test_bits_are_counted_in_one_bitmap_and_in_the_union_of_two);
  return finish_tests();
}
