#include "cpu/systematic/indexed_masses.h"

#include <algorithm>
#include <vector>

namespace pysampler {
namespace {

constexpr uint64_t kEntriesPerTask = 1 << 17;
constexpr uint64_t kMinTasksPerThread = 4;  // fewer are done before another thread would have started

}  // namespace

IndexedMasses::IndexedMasses(const uint64_t* masses, const uint32_t* order, uint64_t entries,
                             const Execution& execution)
    : entries_(entries), begins_((entries + 1) * sizeof(uint64_t)) {
  const uint64_t tasks = (entries - 1) / kEntriesPerTask + 1;
  const auto each_range = [&](auto work) {
    parallel_ranges(entries, kEntriesPerTask, execution.on_at_most(tasks / kMinTasksPerThread),
                    [&](uint64_t first, uint64_t end) { work(first / kEntriesPerTask, first, end); });
  };
  auto* const begins = begins_.as<uint64_t>();
  std::vector<uint64_t> before(tasks + 1);
  each_range([&](uint64_t task, uint64_t first, uint64_t end) {
    uint64_t sum = 0;
    for (uint64_t i = first; i < end; ++i) {
      begins[i] = sum;
      sum += masses[order == nullptr ? i : order[i]];
    }
    before[task + 1] = sum;
  });
  for (uint64_t task = 0; task < tasks; ++task) before[task + 1] += before[task];
  begins[entries] = before[tasks];
  while (bucket_count() > std::max<uint64_t>(2, entries)) ++shift_;
  guide_ = LargeBuffer((bucket_count() + 1) * sizeof(uint32_t));
  each_range([&](uint64_t task, uint64_t first, uint64_t end) {
    for (uint64_t i = first; i < end; ++i) begins[i] += before[task];
  });
  each_range([&](uint64_t, uint64_t first, uint64_t end) { guide_range(first, end); });
}

void IndexedMasses::guide_range(uint64_t first, uint64_t end) {
  auto* const guide = guide_.as<uint32_t>();
  // The first bucket that begins at or after `unit`.
  const auto bucket_from = [&](uint64_t unit) { return unit == 0 ? 0 : ((unit - 1) >> shift_) + 1; };
  const uint64_t* const begin = begins();
  uint64_t bucket = bucket_from(begin[first]);
  for (uint64_t i = first; i < end; ++i) {
    for (const uint64_t stop = bucket_from(begin[i + 1]); bucket < stop; ++bucket) {
      guide[bucket] = static_cast<uint32_t>(i);
    }
    if (begin[i] < total() && begin[i + 1] == total()) guide[bucket_count()] = static_cast<uint32_t>(i);
  }
}

}  // namespace pysampler
