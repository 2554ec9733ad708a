#include "cpu/classes/class_members.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <vector>

#include "cpu/runtime/float_environment.h"

namespace pysampler {
namespace {

constexpr uint64_t kPlacesPerTask = 1 << 20;

}  // namespace

void class_masses(WeightView weights, const ClassRange* ranges, double* masses) {
  const StandardFloats standard_floats;
  double largest = 0;
  for (uint64_t c = 0; c < weights.count; ++c) largest = std::max(largest, weight_at(weights, c));
  // Sizes are below 2^32: no product overflows. What the factor flushes to zero is put right below.
  const double factor = largest > 0x1p900 ? 0x1p-100 : 1.0;
  for (uint64_t c = 0; c < weights.count; ++c) {
    const double weight = weight_at(weights, c);
    const bool drawn = weight > 0 && ranges[c].size > 0;
    masses[c] = drawn ? std::max(weight * factor * ranges[c].size, std::numeric_limits<double>::denorm_min()) : 0;
  }
}

void spread_evenly(const ClassItems& classes, const double* class_shares, uint64_t items, double* out) {
  std::fill(out, out + items, 0.0);
  for (uint64_t c = 0; c < classes.classes; ++c) {
    const ClassRange range = classes.ranges[c];
    const double each = range.size == 0 ? 0.0 : class_shares[c] / range.size;
    for (uint64_t place = range.begin; place < uint64_t{range.begin} + range.size; ++place) {
      out[item_at(classes, place)] += each;
    }
  }
}

bool ranges_in_range(const ClassItems& classes, uint64_t places) {
  return std::all_of(classes.ranges, classes.ranges + classes.classes,
                     [=](ClassRange range) { return uint64_t{range.begin} + range.size <= places; });
}

bool members_in_range(const uint32_t* members, uint64_t places, uint64_t items, const Execution& execution) {
  std::atomic<bool> in_range{true};
  parallel_ranges(places, kPlacesPerTask, execution, [&](uint64_t begin, uint64_t end) {
    const uint32_t largest = *std::max_element(members + begin, members + end);
    if (largest >= items) in_range = false;
  });
  return in_range;
}

bool drawn_classes_filled(const ClassTableView& table) {
  const ClassRange* const ranges = table.items.ranges;
  for (uint64_t slot = 0; slot < table.classes.items; ++slot) {
    // The alias of a slot can always be drawn, the slot's own class if the threshold leaves it anything.
    const AliasEntry entry = table.classes.entries[slot];
    if (ranges[entry.alias].size == 0 || (entry.threshold > 0 && ranges[slot].size == 0)) return false;
  }
  return true;
}

Fingerprint fingerprint(const ClassItems& classes, uint64_t places, uint64_t items, const Execution& execution) {
  Fingerprint sum = {0, 0};
  for (uint64_t c = 0; c < classes.classes; ++c) {
    const ClassRange range = classes.ranges[c];
    sum = add(sum, fingerprint_of(range.size | static_cast<uint64_t>(range.begin) << 32, c));
  }
  std::mutex mutex;
  parallel_ranges(classes.members == nullptr ? 0 : places, kPlacesPerTask, execution, [&](uint64_t begin, uint64_t end) {
    Fingerprint part = {0, 0};
    for (uint64_t place = begin; place < end; ++place) {
      part = add(part, fingerprint_of(uint64_t{classes.members[place]}, classes.classes + place));
    }
    const std::lock_guard<std::mutex> lock(mutex);
    sum = add(sum, part);
  });
  return finish(sum, items);
}

}  // namespace pysampler
