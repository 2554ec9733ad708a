// Draws without replacement: successive sampling over the integer masses, exactly.
//
// First by independent draws that pass over what was seen before, while what was seen owns less than half of the mass;
// then each item drawn loses its weight until all are there. The first new item after any history is distributed over
// the others in proportion to their masses either way, and the change from one way to the other depends on the draws so
// far alone. Weights are put back before the lock is: nobody sees the table without them, and its version stays.
#include <algorithm>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "cpu/dynamic/dynamic_table.h"
#include "cpu/runtime/float_environment.h"

namespace pysampler {
namespace {

struct Taken {
  uint32_t place;
  double weight;
};

// Gives the item a weight, without a look at the scale: its mass leaves the tree or comes back to it.
void set_weight(MassTree& tree, const TreeKernels& kernels, uint32_t place, double weight) {
  const auto narrow = static_cast<float>(weight);
  const void* given = tree.type() == WeightType::kFloat64 ? static_cast<const void*>(&weight) : &narrow;
  uint64_t difference = 0;
  BatchChange change = {};
  kernels.exchange(tree.view(), &place, given, 1, &difference, &change);
  kernels.add(tree.view(), &place, &difference, 1);
  tree.add_to_total(difference);
}

}  // namespace

void DynamicTable::draw_distinct(uint64_t seed, uint64_t epoch, uint64_t count, int64_t* out) {
  if (count == 0) return;
  const StandardFloats standard_floats;
  const std::unique_lock<FairLock> writing(lock_);
  if (count > positive_) throw TooFewPositive{positive_};
  const Stream stream = make_stream(seed, epoch, Tag::kSeenBitmap);
  const TreeKernels& kernels = tree_kernels(target_, type_);
  const uint64_t half = tree_.total() / 2;
  std::unordered_set<int64_t> seen;
  seen.reserve(count);
  std::vector<Taken> taken;
  taken.reserve(count);
  uint64_t found = 0, seen_mass = 0, position = 0;
  alignas(64) uint64_t units[kTogether];
  int64_t items[kTogether];
  while (found < count && seen_mass < half) {
    kernels.words(stream, position, 1, units);
    for (uint64_t& unit : units) unit = unit_of(unit, tree_.total());
    kernels.find(tree_.view(), nullptr, units, kTogether, items);
    for (uint64_t i = 0; i < kTogether && found < count && seen_mass < half; ++i, ++position) {
      if (!seen.insert(items[i]).second) continue;
      seen_mass += mass_of(tree_.weight(static_cast<uint64_t>(items[i])), tree_.view().scale);
      out[found++] = items[i];
    }
    position = (position + kTogether - 1) / kTogether * kTogether;
  }
  const auto take_out = [&](int64_t item) {
    const auto place = static_cast<uint32_t>(item);
    taken.push_back({place, tree_.weight(place)});
    set_weight(tree_, kernels, place, 0);
  };
  if (found < count) std::for_each(out, out + found, take_out);
  for (; found < count; ++found, ++position) {
    out[found] = kernels.find_one(tree_.view(), unit_of(stream_word(stream, position), tree_.total()));
    take_out(out[found]);
  }
  for (const Taken& one : taken) set_weight(tree_, kernels, one.place, one.weight);
}

}  // namespace pysampler
