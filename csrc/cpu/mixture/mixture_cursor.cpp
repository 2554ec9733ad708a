#include "cpu/mixture/mixture_cursor.h"

#include <algorithm>
#include <utility>

#include "core/macros.h"
#include "cpu/permutation/permuted_range.h"

namespace pysampler {
namespace {

constexpr uint64_t kMaxOwned = 1 << 16;      // points of a window whose intervals are put down
constexpr uint64_t kShortGap = 4;            // windows that are counted one by one
constexpr uint64_t kCountersAhead = 12;      // counters are asked for so many places before their turn
// What a place in the group costs, about, in ns: in a window that is spread out whole, for each of its points; else for
// itself, and for each point that its source has there.
constexpr uint64_t kSpreadCost = 10, kPlaceCost = 200, kPointCost = 60;

// The first point of interval i + 1 ends interval i.
void put_down_owners(const Intervals& intervals, uint64_t offset, uint64_t points, uint32_t* owners) {
  uint64_t begin = 0;
  for (uint64_t i = 0; i < intervals.size(); ++i) {
    const uint64_t end = std::min(points, points_below(intervals.begins[i + 1], offset));
    for (; begin < end; ++begin) owners[begin] = static_cast<uint32_t>(i);
  }
}

}  // namespace

MixtureCursor::MixtureCursor(std::shared_ptr<const MixturePlan> plan, uint64_t seed, Target target)
    : plan_(std::move(plan)),
      seed_(seed),
      offset_(mixture_offset(seed)),
      target_(target),
      counts_(*plan_, seed),
      order_(),
      group_order_(),
      passes_() {
  passes_.reserve(plan_->sources->size());
  for (const MixtureSource& source : *plan_->sources) {
    passes_.push_back({kNever, source.kind == SourceKind::kPlain ? source.items : 0, source.first_item, {}});
  }
}

void MixtureCursor::enter_stage_of(uint64_t window) {
  if (stage_ == kNever || window < plan_->stages[stage_]->first_window ||
      (stage_ + 1 < plan_->stages.size() && window >= plan_->stages[stage_ + 1]->first_window)) {
    enter(plan_->stage_of(window));
  }
}

void MixtureCursor::enter(uint64_t stage) {
  if (stage == stage_) return;
  stage_ = stage;
  group_offset_ = group_offset(seed_, stage);
  owners_window_ = spread_window_ = group_order_window_ = kNever;
  outer_.assign(plan_->stages[stage]->outer.size(), {kNever, 0});
  inner_.assign(plan_->stages[stage]->inner.size(), {kNever, 0});
}

// The occurrences of an interval's source, or of the group, before a window.
uint64_t MixtureCursor::outer_before(uint64_t interval, uint64_t window) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const MassBoundary low = stage.outer.begins[interval], high = stage.outer.begins[interval + 1];
  Counter& counter = outer_[interval];
  if (counter.at == window) return counter.count;
  if (counter.at < window && window - counter.at <= kShortGap) {
    for (uint64_t at = counter.at; at < window; ++at) {
      const uint64_t passed = window_offset(offset_, at);
      counter.count += points_below(high, passed) - points_below(low, passed);
    }
  } else if (counter.at < window) {
    counter.count += points_between(low, high, window_offset(offset_, counter.at), window - counter.at);
  } else {
    const uint32_t source = stage.outer.sources[interval];
    counter.count = points_between(low, high, window_offset(offset_, stage.first_window), window - stage.first_window);
    if (source != kGroup) counter.count += counts_.before_stage(source, stage_);  // the group's begin with each stage
  }
  counter.at = window;
  return counter.count;
}

uint64_t MixtureCursor::group_before(uint64_t interval, uint64_t window) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const MassBoundary low = stage.inner.begins[interval], high = stage.inner.begins[interval + 1];
  Counter& counter = inner_[interval];
  if (counter.at == window) return counter.count;
  if (counter.at < window && window - counter.at <= kShortGap) {
    for (uint64_t at = counter.at; at < window; ++at) {
      const uint64_t passed = window_offset(group_offset_, at);
      counter.count += points_below(high, passed) - points_below(low, passed);
    }
  } else if (counter.at < window) {
    counter.count += points_between(low, high, window_offset(group_offset_, counter.at), window - counter.at);
  } else {
    counter.count = counts_.before_stage(stage.inner.sources[interval], stage_) +
                    points_between(low, high, group_offset_, window);
  }
  counter.at = window;
  return counter.count;
}

// Whether a window of the group should be spread out for `count` positions, every step-th: by what that costs and saves.
bool MixtureCursor::worth_spreading(uint64_t step, uint64_t count) const {
  const MixtureStage& stage = *plan_->stages[stage_];
  if (stage.inner.size() == 0) return false;
  const uint64_t points = uint64_t{1} << stage.inner_bits;
  const MassBoundary low = stage.outer.begins[stage.group], high = stage.outer.begins[stage.group + 1];
  const double share = static_cast<double>(high.whole - low.whole + 1) / static_cast<double>(plan_->window);
  const double places = static_cast<double>(count) * share;
  const double windows = places * static_cast<double>(step) / static_cast<double>(points) + 1;
  const auto alone = static_cast<double>(kPlaceCost + kPointCost * stage.inner_run);
  return static_cast<double>(points * kSpreadCost) <= std::max(1.0, places / windows) * alone;
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

// In: an occurrence of the group. Out: of one of its sources, numbered by their places in the window.
void MixtureCursor::locate_in_group(MixturePlace* place, bool whole) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const uint64_t window = place->occurrence >> stage.inner_bits;
  const uint64_t at = place->occurrence & ((uint64_t{1} << stage.inner_bits) - 1);
  uint64_t interval = 0, rank = 0;
  if (whole && spread_window_ != window) spread_group_window(window);
  if (spread_window_ == window) {
    interval = spread_intervals_[at];
    if (at + kCountersAhead < spread_intervals_.size()) {  // most read on in turn
      const uint32_t ahead = spread_intervals_[at + kCountersAhead];
      prefetch(&inner_[ahead]);
      prefetch(&stage.inner.begins[ahead]);
    }
    rank = spread_ranks_[at];
  } else {
    if (group_order_window_ != window) group_order_ = group_order(seed_, stage_, window, stage.inner_bits);
    group_order_window_ = window;
    const uint64_t offset = window_offset(group_offset_, window);
    interval = interval_of(stage.inner.begins.data(), stage.inner.size(), offset, permute(group_order_, at));
    const uint64_t end = points_below(stage.inner.begins[interval + 1], offset);
    for (uint64_t point = points_below(stage.inner.begins[interval], offset); point < end; ++point) {
      rank += element_at(group_order_, point) < at;
    }
  }
  *place = {stage.inner.sources[interval], group_before(interval, window) + rank};
}

void MixtureCursor::locate_in_window(uint64_t window, uint64_t first, uint64_t step, uint64_t count, bool whole,
                                     MixturePlace* places) {
  const Intervals& outer = plan_->stages[stage_]->outer;
  if (order_window_ != window) {
    order_ = make_permutation(make_stream(seed_, 0, Tag::kMixtureOrder), window, plan_->window);
    order_window_ = window;
  }
  const uint64_t offset = window_offset(offset_, window);
  if (owners_window_ != window && plan_->window <= kMaxOwned && count >= plan_->window / 4) {
    owners_.resize(plan_->window);
    put_down_owners(outer, offset, plan_->window, owners_.data());
    owners_window_ = window;
  }
  int64_t points[kTogether];
  permuted_range(order_, {first, step, count}, points, target_);
  for (uint64_t i = 0; i < count; ++i) {
    const auto point = static_cast<uint64_t>(points[i]);
    const uint64_t interval = owners_window_ == window ? owners_[point]
                                                       : interval_of(outer.begins.data(), outer.size(), offset, point);
    const uint64_t rank = point - points_below(outer.begins[interval], offset);
    places[i] = {outer.sources[interval], outer_before(interval, window) + rank};
    if (places[i].source == kGroup) locate_in_group(places + i, whole);
  }
}

void MixtureCursor::locate(uint64_t start, uint64_t step, uint64_t count, MixturePlace* places) {
  const uint64_t all = count;
  while (count != 0) {
    const uint64_t window = start / plan_->window, first = start % plan_->window;
    const uint64_t together = std::min({count, kTogether, (plan_->window - 1 - first) / step + 1});
    enter_stage_of(window);
    locate_in_window(window, first, step, together, worth_spreading(step, all), places);
    start += together * step;
    places += together;
    count -= together;
  }
}

}  // namespace pysampler
