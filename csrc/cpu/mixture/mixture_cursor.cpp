#include "cpu/mixture/mixture_cursor.h"

#include <algorithm>
#include <utility>

#include "cpu/permutation/permuted_each.h"
#include "cpu/permutation/permuted_range.h"

namespace pysampler {
namespace {

constexpr uint64_t kMaxOwned = 1 << 16;  // points of a window whose intervals are put down
constexpr uint64_t kShortGap = 4;        // windows that are counted one by one
constexpr uint64_t kFewOfWindow = 8;     // positions of a window that are permuted beside those of other windows

}  // namespace

void put_down_owners(const Intervals& intervals, uint64_t offset, uint64_t points, uint32_t* owners) {
  uint64_t begin = 0;
  for (uint64_t i = 0; i < intervals.size(); ++i) {
    const uint64_t end = std::min(points, points_below(intervals.begins[i + 1], offset));
    for (; begin < end; ++begin) owners[begin] = static_cast<uint32_t>(i);
  }
}

uint64_t gone_on(const MixtureCursor::Span& span, uint64_t first_offset, MixtureCursor::Counter counter,
                 uint64_t window) {
  if (window - counter.at > kShortGap) {
    return points_between(span.low, span.high, window_offset(first_offset, counter.at), window - counter.at);
  }
  uint64_t count = 0;
  for (uint64_t at = counter.at; at < window; ++at) {
    const uint64_t passed = window_offset(first_offset, at);
    count += points_below(span.high, passed) - points_below(span.low, passed);
  }
  return count;
}

MixtureCursor::MixtureCursor(std::shared_ptr<const MixturePlan> plan, uint64_t seed, Target target)
    : plan_(std::move(plan)),
      seed_(seed),
      offset_(mixture_offset(seed)),
      target_(target),
      counts_(*plan_, seed),
      order_(),
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
  owners_window_ = spread_window_ = kNever;
  outer_.assign(plan_->stages[stage]->outer.size(), {kNever, 0});
  inner_.assign(plan_->stages[stage]->inner.size(), {kNever, 0});
}

// The occurrences of an interval's source, or of the group, before a window.
uint64_t MixtureCursor::outer_before(uint64_t interval, uint64_t window) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const Span span = {stage.outer.begins[interval], stage.outer.begins[interval + 1]};
  Counter& counter = outer_[interval];
  if (counter.at > window) {
    const uint32_t source = stage.outer.sources[interval];
    // The group's begin with each stage.
    counter = {stage.first_window, source == kGroup ? 0 : counts_.before_stage(source, stage_)};
  }
  if (counter.at != window) counter = {window, counter.count + gone_on(span, offset_, counter, window)};
  return counter.count;
}

// Of a window: positions first, first + step, ...; the group's occurrences are left as they are.
void MixtureCursor::locate_in_window(uint64_t window, uint64_t first, uint64_t step, uint64_t count,
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
    places[i] = outer_place(window, interval, point);
  }
}

// The same for up to kLanes positions of a stage that lie in many windows.
void MixtureCursor::locate_in_windows(uint64_t start, uint64_t step, uint64_t count, MixturePlace* places) {
  const Intervals& outer = plan_->stages[stage_]->outer;
  Permutation orders[kLanes];
  const Permutation* order_of[kLanes] = {};
  uint64_t windows[kLanes], points[kLanes];
  for (uint64_t i = 0; i < count; ++i) {
    windows[i] = (start + i * step) / plan_->window;
    points[i] = (start + i * step) % plan_->window;
    const bool same = i != 0 && windows[i] == windows[i - 1];
    if (!same) orders[i] = make_permutation(make_stream(seed_, 0, Tag::kMixtureOrder), windows[i], plan_->window);
    order_of[i] = same ? order_of[i - 1] : &orders[i];
  }
  permuted_each(order_of, points, count, target_);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t offset = window_offset(offset_, windows[i]);
    places[i] = outer_place(windows[i], interval_of(outer.begins.data(), outer.size(), offset, points[i]), points[i]);
  }
}

MixturePlace MixtureCursor::outer_place(uint64_t window, uint64_t interval, uint64_t point) {
  const Intervals& outer = plan_->stages[stage_]->outer;
  const uint64_t rank = point - points_below(outer.begins[interval], window_offset(offset_, window));
  return {outer.sources[interval], outer_before(interval, window) + rank};
}

void MixtureCursor::locate(uint64_t start, uint64_t step, uint64_t count, MixturePlace* places) {
  const uint64_t all = count, width = plan_->window;
  while (count != 0) {
    const uint64_t window = start / width, first = start % width;
    enter_stage_of(window);
    const bool whole = worth_spreading(step, all);
    uint64_t together = std::min({count, kTogether, (width - 1 - first) / step + 1});
    if (step > width / kFewOfWindow) {
      together = std::min({count, kLanes, (end_of_stage() - 1 - start) / step + 1});
      locate_in_windows(start, step, together, places);
    } else {
      locate_in_window(window, first, step, together, places);
    }
    locate_in_group(places, together, whole);
    start += together * step;
    places += together;
    count -= together;
  }
}

// The first position that is no longer of the stage at hand.
uint64_t MixtureCursor::end_of_stage() const {
  if (stage_ + 1 == plan_->stages.size()) return kNever;
  return plan_->stages[stage_ + 1]->first_window * plan_->window;
}

}  // namespace pysampler
