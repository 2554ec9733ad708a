// No memory in the middle of a change: it is made as a whole or not at all, also where it makes all masses anew.
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <vector>

#if defined(_WIN32)
#include <malloc.h>
#endif

#include "check.h"
#include "cpu/dynamic/dynamic_table.h"
#include "random.h"

namespace {

std::atomic<int64_t> allowed{std::numeric_limits<int64_t>::max()};  // allocations until one fails

void* taken(size_t bytes, size_t alignment) {
  if (allowed.fetch_sub(1) <= 0) return nullptr;
#if defined(_WIN32)
  return _aligned_malloc(bytes, alignment);
#else
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#endif
}

void given_back(void* memory) {
#if defined(_WIN32)
  _aligned_free(memory);
#else
  std::free(memory);
#endif
}

void* taken_or_thrown(size_t bytes, size_t alignment) {
  void* const memory = taken(bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return taken_or_thrown(bytes, 16); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return taken_or_thrown(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { given_back(memory); }
void operator delete(void* memory, size_t) noexcept { given_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { given_back(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { given_back(memory); }

namespace pysampler {
namespace {

constexpr uint64_t kItems = 70'000;  // more than one task of a build

// What a table is, as far as anybody can tell.
struct Seen {
  uint64_t items, total, positive, version;
  int scale;
  Fingerprint fingerprint;
  std::vector<int64_t> draws;
  bool operator==(const Seen& other) const {
    return items == other.items && total == other.total && positive == other.positive && version == other.version &&
           scale == other.scale && fingerprint.low == other.fingerprint.low &&
           fingerprint.high == other.fingerprint.high && draws == other.draws;
  }
};

Seen seen(const DynamicTable& table) {
  const DynamicTable::Summary now = table.summary();
  std::vector<int64_t> draws(500);
  table.draw(make_stream(1, 2), 0, 1, 0, draws.size(), draws.data(), {});
  return {now.items, now.total, now.positive, now.version, now.scale, now.fingerprint, draws};
}

// Lets the first, second, ... allocation of a change fail until it succeeds: before, it leaves the table as it was.
template <class Change>
void check_change(const DynamicTable& before, DynamicTable& table, Change change) {
  const Seen expected = seen(before);
  uint64_t failures = 0;
  for (int64_t succeeding = 0;; ++succeeding) {
    bool failed = false;
    allowed = succeeding;
    try {
      change(table);
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    allowed = std::numeric_limits<int64_t>::max();
    if (!failed) break;
    ++failures;
    CHECK(seen(table) == expected);
  }
  CHECK(failures > 0);
  CHECK(!(seen(table) == expected));
}

// Which of these makes all masses anew: a weight of 1e300 among ones does.
template <class Change>
void check_on_both(Change change) {
  const std::vector<double> ones(kItems, 1.0);
  for (const int threads : {1, 3}) {
    const Execution execution = {threads, {}};
    const WeightView view = {ones.data(), kItems, WeightType::kFloat64};
    const DynamicTable before(view, 0, nullptr, execution);
    for (const double weight : {2.0, 1e300}) {
      DynamicTable table(view, 0, nullptr, execution);
      const int scale = table.summary().scale;
      check_change(before, table, [&](DynamicTable& changed) { change(changed, weight, execution); });
      CHECK((table.summary().scale != scale) == (weight > 2));
    }
  }
}

void test_an_update_without_memory_leaves_the_table_as_it_was() {
  check_on_both([](DynamicTable& table, double weight, const Execution& execution) {
    const int64_t indices[] = {3, 69'000, 3};
    const double weights[] = {5.0, 0.0, weight};
    table.update(indices, weights, 3, execution);
  });
}

void test_an_append_without_memory_leaves_the_table_as_it_was() {
  check_on_both([](DynamicTable& table, double weight, const Execution& execution) {
    const double weights[] = {5.0, 0.0, weight};
    table.append(weights, 3, execution);
  });
}

void test_a_table_that_cannot_be_loaded_leaves_the_other_as_it_was() {
  const std::vector<double> ones(kItems, 1.0), others(100'000, 3.0);
  const WeightView view = {ones.data(), kItems, WeightType::kFloat64};
  const DynamicTable before(view, 0, nullptr, {});
  DynamicTable table(view, 0, nullptr, {});
  const int scale = DynamicTable({others.data(), others.size(), WeightType::kFloat64}, 0, nullptr, {}).summary().scale;
  check_change(before, table, [&](DynamicTable& changed) {
    changed.assign({others.data(), others.size(), WeightType::kFloat64}, &scale, {});
  });
}

void test_distinct_draws_without_memory_leave_the_table_as_it_was() {
  std::vector<double> weights(1000, 1.0);
  weights[17] = 1e9;  // most draws are made by taking weights out
  const WeightView view = {weights.data(), weights.size(), WeightType::kFloat64};
  DynamicTable table(view, 0, nullptr, {});
  const Seen expected = seen(table);
  std::vector<int64_t> items(900);
  uint64_t failures = 0;
  for (int64_t succeeding = 0;; ++succeeding) {
    bool failed = false;
    allowed = succeeding;
    try {
      table.draw_distinct(1, 2, items.size(), items.data());
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    allowed = std::numeric_limits<int64_t>::max();
    CHECK(seen(table) == expected);
    if (!failed) break;
    ++failures;
  }
  CHECK(failures > 0);
}

void test_extremes_without_memory_are_found_later() {
  const std::vector<double> ones(kItems, 1.0);
  DynamicTable table({ones.data(), kItems, WeightType::kFloat64}, 0, nullptr, {});
  const Seen expected = seen(table);
  allowed = 1;
  bool failed = false;
  try {
    table.largest();
  } catch (const std::bad_alloc&) {
    failed = true;
  }
  allowed = std::numeric_limits<int64_t>::max();
  CHECK(failed);
  CHECK(seen(table) == expected);
  CHECK(table.largest() == 1.0 && table.smallest() == 1.0);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_an_update_without_memory_leaves_the_table_as_it_was);
  RUN(test_an_append_without_memory_leaves_the_table_as_it_was);
  RUN(test_a_table_that_cannot_be_loaded_leaves_the_other_as_it_was);
  RUN(test_distinct_draws_without_memory_leave_the_table_as_it_was);
  RUN(test_extremes_without_memory_are_found_later);
  return finish_tests();
}
