#include "cpu/table/table_scan.h"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace pysampler {
namespace {

constexpr uint64_t kItemsPerTask = 1 << 20;

}  // namespace

Fingerprint fingerprint(const AliasTableView& table, const Execution& execution) {
  Fingerprint sum = {0, 0};
  std::mutex mutex;
  parallel_ranges(table.items, kItemsPerTask, execution, [&](uint64_t begin, uint64_t end) {
    Fingerprint part = {0, 0};
    for (uint64_t i = begin; i < end; ++i) part = add(part, fingerprint_of(table.entries[i], i));
    const std::lock_guard<std::mutex> lock(mutex);
    sum = add(sum, part);
  });
  return finish(sum, table.items);
}

bool aliases_in_range(const AliasTableView& table, const Execution& execution) {
  std::atomic<bool> in_range{true};
  parallel_ranges(table.items, kItemsPerTask, execution, [&](uint64_t begin, uint64_t end) {
    uint32_t largest = 0;
    for (uint64_t i = begin; i < end; ++i) largest = std::max(largest, table.entries[i].alias);
    if (largest >= table.items) in_range = false;
  });
  return in_range;
}

void table_masses(const AliasTableView& table, uint64_t* masses) {
  std::fill(masses, masses + table.items, 0);
  for (uint64_t slot = 0; slot < table.items; ++slot) {
    const AliasEntry entry = table.entries[slot];
    const uint64_t own = entry.alias == slot ? kSlotMass : entry.threshold;
    masses[slot] += own;
    masses[entry.alias] += kSlotMass - own;
  }
}

}  // namespace pysampler
