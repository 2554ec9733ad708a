#include "cpu/table/leftovers.h"

#include <algorithm>
#include <utility>

#include "core/alias_build.h"

namespace pysampler {
namespace {

// The merge is a path through (lights filled, heavies closed). It passes a light while the current heavy still has
// something to give, else it closes the heavy: heavy j closes before light i exactly if the excess up to and including
// j is less than the deficit before i. So the path can be entered anywhere, and its stretches can be walked in any
// order:
//  - at the first light of a segment, where the deficit before it decides which heavy it meets;
//  - at the first heavy of a segment, where the excess before it decides how many lights have been filled.
struct PathPoint {
  size_t light_segment, light;  // the next light, or the end
  size_t heavy_segment, heavy;  // the current heavy, or the end
  uint64_t deficit;             // of the lights before
  uint64_t excess;              // of the heavies before
  // Of the heavies up to and including the current one. Kept here because a walk that ends at this point must not look
  // it up: the walk that starts here may be overwriting it.
  uint64_t including;

  using Order = std::pair<std::pair<size_t, size_t>, std::pair<size_t, size_t>>;
  Order order() const { return {{light_segment, light}, {heavy_segment, heavy}}; }
};

class Path {
 public:
  Path(const std::vector<Leftovers>& segments, AliasEntry* table)
      : segments_(segments), table_(table), deficit_before_(segments.size() + 1), excess_before_(segments.size() + 1) {
    for (size_t s = 0; s < segments.size(); ++s) {
      deficit_before_[s + 1] = deficit_before_[s] + segments[s].deficit;
      excess_before_[s + 1] = excess_before_[s] + segments[s].excess;
    }
  }

  bool is_balanced() const { return deficit_before_.back() == excess_before_.back(); }
  bool is_empty() const { return deficit_before_.back() == 0; }

  // Where the first light of segment s is the next one, after every heavy that closes before it has closed.
  PathPoint at_light_segment(size_t s) const {
    const size_t h = segment_holding(excess_before_, deficit_before_[s]);
    PathPoint point = {s, 0, h, 0, deficit_before_[s], excess_before_[h], 0};
    to_next(point);
    while (has_heavy(point) && point.including < point.deficit) pass_heavy(point);
    return point;
  }

  // Where the first heavy of segment s becomes the current one: the one before closed as soon as the deficit exceeded
  // `excess`.
  PathPoint at_heavy_segment(size_t s) const {
    const uint64_t excess = excess_before_[s];
    const size_t l = segment_holding(deficit_before_, excess);
    PathPoint point = {l, 0, s, 0, deficit_before_[l], excess, 0};
    to_next(point);
    while (has_light(point) && excess > 0 && point.deficit <= excess) pass_light(point);
    return point;
  }

  PathPoint end() const {
    return {segments_.size(), 0, segments_.size(), 0, deficit_before_.back(), excess_before_.back(), 0};
  }

  // Fills the slots of the lights passed and the heavies closed from `at` to `end`.
  void walk(PathPoint at, const PathPoint& end) const {
    while (at.order() < end.order() && has_heavy(at)) {
      const uint32_t heavy = heavy_item(at);
      if (at.including < at.deficit) {
        close_heavy(at, end);
        if (has_heavy(at)) table_[heavy] = closed_heavy(at.excess, at.deficit, heavy_item(at));
      } else if (has_light(at)) {
        fill_lights(at, end, heavy);
      } else {
        return;
      }
    }
  }

 private:
  // Lists run block by block, so their slots lie scattered over the table.
  static constexpr size_t kAhead = 256;

  bool has_light(const PathPoint& point) const { return point.light_segment < segments_.size(); }
  bool has_heavy(const PathPoint& point) const { return point.heavy_segment < segments_.size(); }
  uint32_t heavy_item(const PathPoint& point) const { return segments_[point.heavy_segment].heavies[point.heavy]; }

  // A run of lights that the current heavy fills, within one segment.
  void fill_lights(PathPoint& at, const PathPoint& end, uint32_t heavy) const {
    const ItemList& lights = segments_[at.light_segment].lights;
    const size_t stop = at.light_segment == end.light_segment ? end.light : lights.size();
    size_t light = at.light;
    uint64_t deficit = at.deficit;
    for (; light < stop && deficit <= at.including; ++light) {
      if (light + kAhead < lights.size()) prefetch_to_l2(&table_[lights[light + kAhead]]);
      AliasEntry& slot = table_[lights[light]];
      deficit += kSlotMass - slot.threshold;
      slot.alias = heavy;
    }
    at.light = light;
    at.deficit = deficit;
    to_next_light(at);
  }

  void close_heavy(PathPoint& at, const PathPoint& end) const {
    at.excess = at.including;
    ++at.heavy;
    to_next_heavy(at);
    if (!has_heavy(at)) return;
    const ItemList& heavies = segments_[at.heavy_segment].heavies;
    if (at.heavy + kAhead < heavies.size()) prefetch_to_l2(&table_[heavies[at.heavy + kAhead]]);
    const bool is_last = at.heavy_segment == end.heavy_segment && at.heavy == end.heavy;
    at.including = is_last ? end.including : at.excess + kept_excess(&table_[heavy_item(at)]);
  }

  void pass_heavy(PathPoint& point) const { close_heavy(point, end()); }

  void pass_light(PathPoint& point) const {
    const ItemList& lights = segments_[point.light_segment].lights;
    if (point.light + kAhead < lights.size()) prefetch_to_l2(&table_[lights[point.light + kAhead]]);
    point.deficit += kSlotMass - table_[segments_[point.light_segment].lights[point.light]].threshold;
    ++point.light;
    to_next_light(point);
  }

  // The last segment before which the sum is less than `sum`, or the first one.
  static size_t segment_holding(const std::vector<uint64_t>& before, uint64_t sum) {
    const auto at = std::lower_bound(before.begin(), before.end() - 1, sum);
    return at == before.begin() ? 0 : static_cast<size_t>(at - before.begin()) - 1;
  }

  // Places between segments are named by the segment that holds the next item.
  void to_next_light(PathPoint& point) const {
    while (has_light(point) && point.light == segments_[point.light_segment].lights.size()) {
      ++point.light_segment;
      point.light = 0;
    }
  }
  void to_next_heavy(PathPoint& point) const {
    while (has_heavy(point) && point.heavy == segments_[point.heavy_segment].heavies.size()) {
      ++point.heavy_segment;
      point.heavy = 0;
    }
  }
  void to_next(PathPoint& point) const {
    to_next_light(point);
    to_next_heavy(point);
    if (has_heavy(point)) point.including = point.excess + kept_excess(&table_[heavy_item(point)]);
  }

  const std::vector<Leftovers>& segments_;
  AliasEntry* const table_;
  std::vector<uint64_t> deficit_before_;
  std::vector<uint64_t> excess_before_;
};

bool precedes(const PathPoint& a, const PathPoint& b) { return a.order() < b.order(); }
bool coincide(const PathPoint& a, const PathPoint& b) { return a.order() == b.order(); }

}  // namespace

bool place_leftovers(const std::vector<Leftovers>& segments, AliasEntry* table, const Execution& execution) {
  const Path path(segments, table);
  if (!path.is_balanced()) return false;
  if (path.is_empty()) return true;
  std::vector<PathPoint> points(2 * segments.size());
  parallel_for(segments.size(), execution, [&](uint64_t s) {
    points[2 * s] = path.at_light_segment(s);
    points[2 * s + 1] = path.at_heavy_segment(s);
  });
  std::sort(points.begin(), points.end(), precedes);
  points.erase(std::unique(points.begin(), points.end(), coincide), points.end());
  points.push_back(path.end());
  parallel_for(points.size() - 1, execution, [&](uint64_t i) { path.walk(points[i], points[i + 1]); });
  // The last heavy is left with exactly a slot's mass.
  for (size_t s = segments.size(); s-- > 0;) {
    if (segments[s].heavies.empty()) continue;
    const uint32_t last = segments[s].heavies.back();
    table[last] = full_slot(last);
    break;
  }
  return true;
}

}  // namespace pysampler
