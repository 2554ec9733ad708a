#include "cpu/table/table_scan.h"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace pysampler {
namespace {

constexpr uint64_t kItemsPerTask = 1 << 20;

template <class Range>
void for_each_range(uint64_t items, const Execution& execution, Range range) {
  parallel_for((items + kItemsPerTask - 1) / kItemsPerTask, execution, [&](uint64_t task) {
    range(task * kItemsPerTask, std::min(items, (task + 1) * kItemsPerTask));
  });
}

}  // namespace

Fingerprint fingerprint(const AliasEntry* table, uint64_t items, const Execution& execution) {
  Fingerprint sum = {0, 0};
  std::mutex mutex;
  for_each_range(items, execution, [&](uint64_t begin, uint64_t end) {
    Fingerprint part = {0, 0};
    for (uint64_t i = begin; i < end; ++i) part = add(part, fingerprint_of(table[i], i));
    const std::lock_guard<std::mutex> lock(mutex);
    sum = add(sum, part);
  });
  return finish(sum, items);
}

bool aliases_in_range(const AliasEntry* table, uint64_t items, const Execution& execution) {
  std::atomic<bool> in_range{true};
  for_each_range(items, execution, [&](uint64_t begin, uint64_t end) {
    uint32_t largest = 0;
    for (uint64_t i = begin; i < end; ++i) largest = std::max(largest, table[i].alias);
    if (largest >= items) in_range = false;
  });
  return in_range;
}

void table_masses(const AliasEntry* table, uint64_t items, uint64_t* masses) {
  std::fill(masses, masses + items, 0);
  for (uint64_t slot = 0; slot < items; ++slot) {
    const AliasEntry entry = table[slot];
    const uint64_t own = entry.alias == slot ? kSlotMass : entry.threshold;
    masses[slot] += own;
    masses[entry.alias] += kSlotMass - own;
  }
}

}  // namespace pysampler
