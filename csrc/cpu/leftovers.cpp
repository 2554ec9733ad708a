#include "leftovers.h"

#include <algorithm>

#include "../core/alias_build.h"

namespace pysampler {
namespace {

uint64_t amount(const Light& light) { return kSlotMass - light.mass; }
uint64_t amount(const Heavy& heavy) { return heavy.excess; }

const std::vector<Light>& list_of(const Leftovers& segment, const Light*) { return segment.lights; }
const std::vector<Heavy>& list_of(const Leftovers& segment, const Heavy*) { return segment.heavies; }

// One of the two lists, spread over segments, with the sum of amounts before each segment.
template <class Item>
class Spread {
 public:
  explicit Spread(const std::vector<Leftovers>& segments) : segments_(segments), before_(segments.size() + 1) {
    for (size_t s = 0; s < segments.size(); ++s) {
      uint64_t sum = 0;
      for (const Item& item : list(s)) sum += amount(item);
      before_[s + 1] = before_[s] + sum;
    }
  }

  const std::vector<Item>& list(size_t segment) const { return list_of(segments_[segment], static_cast<Item*>(nullptr)); }
  uint64_t before(size_t segment) const { return before_[segment]; }
  uint64_t total() const { return before_.back(); }
  size_t segments() const { return segments_.size(); }

  // The last segment with before(segment) <= sum.
  size_t segment_of(uint64_t sum) const {
    const auto after = std::upper_bound(before_.begin(), before_.end() - 1, sum);
    return static_cast<size_t>(after - before_.begin()) - 1;
  }

 private:
  const std::vector<Leftovers>& segments_;
  std::vector<uint64_t> before_;
};

// A place in a Spread list and the sum of the amounts before it.
template <class Item>
class Cursor {
 public:
  Cursor(const Spread<Item>& spread, size_t segment)
      : spread_(&spread), segment_(segment), sum_(spread.before(segment)) {
    skip_empty();
  }

  bool at_end() const { return segment_ == spread_->segments(); }
  const Item& item() const { return spread_->list(segment_)[index_]; }
  size_t segment() const { return segment_; }
  uint64_t sum_before() const { return sum_; }
  uint64_t sum_including() const { return sum_ + amount(item()); }

  void next() {
    sum_ += amount(item());
    ++index_;
    skip_empty();
  }

 private:
  void skip_empty() {
    while (segment_ < spread_->segments() && index_ == spread_->list(segment_).size()) {
      ++segment_;
      index_ = 0;
    }
  }

  const Spread<Item>* spread_;
  size_t segment_;
  size_t index_ = 0;
  uint64_t sum_;
};

using Lights = Spread<Light>;
using Heavies = Spread<Heavy>;

// The merge is a path through (lights filled, heavies closed). It passes a light when the current heavy still has something to
// give, else it closes the heavy: heavy j closes before light i exactly if the excess up to j is less than the deficit before
// i. So where a light stands decides which heavy it meets, and the path can be entered at the first light of any segment.
Cursor<Heavy> heavy_met_at(const Heavies& heavies, uint64_t deficit_before) {
  Cursor<Heavy> heavy(heavies, deficit_before == 0 ? 0 : heavies.segment_of(deficit_before - 1));
  while (!heavy.at_end() && heavy.sum_including() < deficit_before) heavy.next();
  return heavy;
}

// Walks the path from the first light of `segment` to the first of the next one.
void place_segment(const Lights& lights, const Heavies& heavies, size_t segment, AliasEntry* table) {
  Cursor<Heavy> heavy = heavy_met_at(heavies, lights.before(segment));
  const auto close_up_to = [&](uint64_t deficit) {
    while (!heavy.at_end() && heavy.sum_including() < deficit) {
      const Heavy closing = heavy.item();
      const uint64_t excess = heavy.sum_including();
      heavy.next();
      if (!heavy.at_end()) table[closing.item] = closed_heavy(excess, deficit, heavy.item().item);
    }
  };
  uint64_t deficit = lights.before(segment);
  for (const Light& light : lights.list(segment)) {
    close_up_to(deficit);
    if (heavy.at_end()) return;
    table[light.item] = {light.mass, heavy.item().item};
    deficit += amount(light);
  }
  close_up_to(deficit);
}

}  // namespace

bool place_leftovers(const std::vector<Leftovers>& segments, AliasEntry* table, const Execution& execution) {
  const Lights lights(segments);
  const Heavies heavies(segments);
  if (lights.total() != heavies.total()) return false;
  if (lights.total() == 0) return true;
  parallel_for(segments.size(), execution, [&](uint64_t s) { place_segment(lights, heavies, s, table); });
  // The last heavy is left with exactly a slot's mass.
  for (size_t s = segments.size(); s-- > 0;) {
    if (segments[s].heavies.empty()) continue;
    const uint32_t last = segments[s].heavies.back().item;
    table[last] = full_slot(last);
    break;
  }
  return true;
}

}  // namespace pysampler
