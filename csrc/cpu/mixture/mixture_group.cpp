// Which source of the group of small ones has an occurrence of the group: of windows that are spread out whole, or alone.
#include <algorithm>

#include "core/macros.h"
#include "cpu/mixture/mixture_cursor.h"
#include "cpu/permutation/elements_below.h"
#include "cpu/permutation/permuted_each.h"
#include "cpu/permutation/permuted_range.h"

namespace pysampler {
namespace {

constexpr uint64_t kCountersAhead = 12;  // counters are asked for so many places before their turn
constexpr uint64_t kFewPoints = 12;      // points that are put beside those of other windows
// What a place in the group costs, about, in ns: in a window that is spread out whole, for each of its points; else for
// itself, and for each point that its source has there.
constexpr double kSpreadCost = 10, kPlaceCost = 250, kPointCost = 3;

}  // namespace

// Whether a window of the group should be spread out for `count` positions, every step-th: by what that costs and saves.
bool MixtureCursor::worth_spreading(uint64_t step, uint64_t count) const {
  const MixtureStage& stage = *plan_->stages[stage_];
  if (stage.inner.size() == 0) return false;
  const auto points = static_cast<double>(uint64_t{1} << stage.inner_bits);
  const MassBoundary low = stage.outer.begins[stage.group], high = stage.outer.begins[stage.group + 1];
  const double share = static_cast<double>(high.whole - low.whole + 1) / static_cast<double>(plan_->window);
  const double places = static_cast<double>(count) * share;
  const double windows = places * static_cast<double>(step) / points + 1;
  const double alone = kPlaceCost + kPointCost * static_cast<double>(stage.inner_run);
  return points * kSpreadCost <= std::max(1.0, places / windows) * alone;
}

// In: occurrences of the group, beside places of other sources. Out: of its sources, numbered by their places in the
// group's windows.
void MixtureCursor::locate_in_group(MixturePlace* places, uint64_t count, bool whole) {
  if (plan_->stages[stage_]->inner.size() == 0) return;
  if (whole) {
    locate_in_spread_windows(places, count);
    return;
  }
  MixturePlace* lanes[kLanes];
  uint64_t filled = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (places[i].source != kGroup) continue;
    if (group_window(places[i]) == spread_window_) {
      take_from_spread_window(&places[i]);
      continue;
    }
    lanes[filled++] = &places[i];
    if (filled == kLanes) {
      locate_in_windows_of_group(lanes, filled);
      filled = 0;
    }
  }
  locate_in_windows_of_group(lanes, filled);
}

uint64_t MixtureCursor::group_window(const MixturePlace& place) const {
  return place.occurrence >> plan_->stages[stage_]->inner_bits;
}

// A window of the mixture meets two of the group's at most, in random order: each is spread out once.
void MixtureCursor::locate_in_spread_windows(MixturePlace* places, uint64_t count) {
  while (true) {
    uint64_t window = kNever;
    for (uint64_t i = 0; i < count; ++i) {
      if (places[i].source == kGroup) window = std::min(window, group_window(places[i]));
    }
    if (window == kNever) return;
    if (spread_window_ != window) spread_group_window(window);
    for (uint64_t i = 0; i < count; ++i) {
      if (places[i].source == kGroup && group_window(places[i]) == window) take_from_spread_window(places + i);
    }
  }
}

void MixtureCursor::spread_group_window(uint64_t window) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const uint64_t points = uint64_t{1} << stage.inner_bits;
  spread_intervals_.resize(points);
  spread_ranks_.resize(points);
  spread_owners_.resize(points);
  seen_.assign(stage.inner.size(), 0);
  put_down_owners(stage.inner, window_offset(group_offset_, window), points, spread_owners_.data());
  const Permutation order = group_order(seed_, stage_, window, stage.inner_bits);
  int64_t point[kTogether];
  for (uint64_t done = 0; done < points; done += kTogether) {
    const uint64_t count = std::min(kTogether, points - done);
    permuted_range(order, {done, 1, count}, point, target_);
    for (uint64_t i = 0; i < count; ++i) {
      const uint32_t interval = spread_owners_[static_cast<uint64_t>(point[i])];
      spread_intervals_[done + i] = interval;
      spread_ranks_[done + i] = seen_[interval]++;
    }
  }
  spread_window_ = window;
}

void MixtureCursor::take_from_spread_window(MixturePlace* place) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const uint64_t at = place->occurrence & ((uint64_t{1} << stage.inner_bits) - 1);
  if (at + kCountersAhead < spread_intervals_.size()) {  // most read on in turn
    const uint32_t ahead = spread_intervals_[at + kCountersAhead];
    prefetch(&inner_[ahead]);
    prefetch(&stage.inner.begins[ahead]);
  }
  const uint32_t interval = spread_intervals_[at];
  *place = {stage.inner.sources[interval], group_before(interval, spread_window_) + spread_ranks_[at]};
}

// Up to kLanes places of the group, in windows of which nothing is known but their orders' keys.
void MixtureCursor::locate_in_windows_of_group(MixturePlace* const* places, uint64_t count) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const uint64_t mask = (uint64_t{1} << stage.inner_bits) - 1;
  Permutation orders[kLanes];
  const Permutation* order_of[kLanes] = {};
  uint64_t windows[kLanes], points[kLanes];
  for (uint64_t i = 0; i < count; ++i) {
    windows[i] = group_window(*places[i]);
    points[i] = places[i]->occurrence & mask;
    const bool same = i != 0 && windows[i] == windows[i - 1];
    if (!same) orders[i] = group_order(seed_, stage_, windows[i], stage.inner_bits);
    order_of[i] = same ? order_of[i - 1] : &orders[i];
  }
  permuted_each(order_of, points, count, target_);
  // A place's rank: how many of its source's points in the window have come before it. The elements of short runs of
  // points are found beside each other, a permutation in every lane.
  const Permutation* run_orders[kLanes * kFewPoints];
  uint64_t run_points[kLanes * kFewPoints], run_ends[kLanes], ranks[kLanes], intervals[kLanes], runs = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t offset = window_offset(group_offset_, windows[i]);
    intervals[i] = interval_of(stage.inner.begins.data(), stage.inner.size(), offset, points[i]);
    prefetch(&inner_[intervals[i]]);
    const uint64_t begin = points_below(stage.inner.begins[intervals[i]], offset);
    const uint64_t end = points_below(stage.inner.begins[intervals[i] + 1], offset);
    ranks[i] = 0;
    if (end - begin > kFewPoints) {
      ranks[i] = elements_below(*order_of[i], begin, end - begin, places[i]->occurrence & mask, target_);
    } else {
      for (uint64_t point = begin; point < end; ++point) {
        run_orders[runs] = order_of[i];
        run_points[runs] = point;
        runs += point != points[i];  // not before itself
      }
    }
    run_ends[i] = runs;
  }
  elements_at_each(run_orders, run_points, runs, target_);
  for (uint64_t i = 0, run = 0; i < count; ++i) {
    for (; run < run_ends[i]; ++run) ranks[i] += run_points[run] < (places[i]->occurrence & mask);
    *places[i] = {stage.inner.sources[intervals[i]], group_before(intervals[i], windows[i]) + ranks[i]};
  }
}

uint64_t MixtureCursor::group_before(uint64_t interval, uint64_t window) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const Span span = {stage.inner.begins[interval], stage.inner.begins[interval + 1]};
  Counter& counter = inner_[interval];
  if (counter.at > window) counter = {0, counts_.before_stage(stage.inner.sources[interval], stage_)};
  if (counter.at != window) counter = {window, counter.count + gone_on(span, group_offset_, counter, window)};
  return counter.count;
}

}  // namespace pysampler
