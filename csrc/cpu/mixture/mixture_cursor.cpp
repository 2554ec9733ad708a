#include "cpu/mixture/mixture_cursor.h"

#include <algorithm>
#include <utility>

#include "cpu/permutation/permuted_each.h"
#include "cpu/permutation/permuted_range.h"

namespace pysampler {
namespace {

constexpr uint64_t kChunk = 1024;            // positions that go through a stage together
constexpr uint64_t kMaxOwned = 1 << 16;      // points of a window whose intervals are put down
constexpr uint64_t kShortGap = 4;            // windows that are counted one by one
constexpr uint64_t kDenseStep = 16;          // beyond, a window of the group is not spread out whole
constexpr uint64_t kDenseCount = 256;
constexpr uint64_t kBatch = 4096;    // positions of whole windows that are made together
constexpr uint64_t kShortRun = 8;    // occurrences of a source that are not worth a run of its permutation
constexpr uint64_t kRunLanes = 32;   // runs are of whole vectors, if the pass is long enough
constexpr uint64_t kPassesAhead = 12;  // a source's pass is asked for so many places before its turn
constexpr uint64_t kCountersAhead = 12;

void prefetch(const void* address) {
#if defined(__GNUC__)
  __builtin_prefetch(address);
  __builtin_prefetch(static_cast<const char*>(address) + 64);
#else
  (void)address;
#endif
}

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
      passes_(plan_->sources->size(), Pass{kNever, {}}) {}

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

void MixtureCursor::spread_group_window(uint64_t window) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const uint64_t points = uint64_t{1} << stage.inner_bits;
  spread_intervals_.resize(points);
  spread_ranks_.resize(points);
  spread_owners_.resize(points);
  seen_.assign(stage.inner.size(), 0);
  put_down_owners(stage.inner, window_offset(group_offset_, window), points, spread_owners_.data());
  const Permutation order = group_order(seed_, stage_, window, stage.inner_bits);
  int64_t point[kChunk];
  for (uint64_t done = 0; done < points; done += kChunk) {
    const uint64_t count = std::min(kChunk, points - done);
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
    if (whole && at + kCountersAhead < spread_intervals_.size()) {  // most read on in turn
      prefetch(&inner_[spread_intervals_[at + kCountersAhead]]);
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
  int64_t points[kChunk];
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
  const bool whole = step <= kDenseStep && count >= kDenseCount;
  while (count != 0) {
    const uint64_t window = start / plan_->window, first = start % plan_->window;
    const uint64_t together = std::min({count, kChunk, (plan_->window - 1 - first) / step + 1});
    enter_stage_of(window);
    locate_in_window(window, first, step, together, whole, places);
    start += together * step;
    places += together;
    count -= together;
  }
}

// The element of the source's pass that a place is; makes the pass's order if it is not the one at hand.
uint64_t MixtureCursor::take_pass(const MixturePlace& place) {
  const uint64_t items = (*plan_->sources)[place.source].items;
  Pass& pass = passes_[place.source];
  if (place.occurrence - pass.begin >= items || pass.begin == kNever) {
    const uint64_t number = place.occurrence / items;
    pass.begin = number * items;
    pass.order = make_permutation(make_stream(seed_, place.source, Tag::kMixtureItem), number, items);
  }
  return place.occurrence - pass.begin;
}

uint64_t MixtureCursor::from_table(const MixturePlace& place) const {
  const MixtureSource& source = (*plan_->sources)[place.source];
  const uint64_t word = stream_word(make_stream(seed_, place.source, Tag::kMixtureTable), place.occurrence);
  if (source.kind == SourceKind::kTable) return draw_one(source.table, word);
  const Stream picks = make_stream(seed_, place.source, Tag::kMixtureTablePick);
  return draw_one(source.classes, word, stream_word(picks, place.occurrence));
}

// Many sources: a permutation in every lane.
void MixtureCursor::items(const MixturePlace* places, uint64_t count, int64_t* out) {
  const std::vector<MixtureSource>& sources = *plan_->sources;
  const Permutation* orders[kChunk] = {};
  uint64_t elements[kChunk] = {};
  uint64_t done = 0;  // lanes whose items are made; those that follow hold on to their passes' orders
  const auto make = [&](uint64_t end) {
    permuted_each(orders + done, elements + done, end - done, target_);
    for (uint64_t i = done; i < end; ++i) {
      out[i] = static_cast<int64_t>(sources[places[i].source].first_item + elements[i]);
    }
    done = end;
  };
  for (uint64_t i = 0; i < count; ++i) {
    if (i + kPassesAhead < count) prefetch(&passes_[places[i + kPassesAhead].source]);
    const MixtureSource& source = sources[places[i].source];
    if (source.kind != SourceKind::kPlain) {
      orders[i] = nullptr;
      elements[i] = from_table(places[i]);
      continue;
    }
    const Pass& pass = passes_[places[i].source];
    const bool another = pass.begin == kNever || places[i].occurrence - pass.begin >= source.items;
    if (another && pass.begin != kNever) make(i);  // an earlier lane may hold on to the order that goes
    elements[i] = take_pass(places[i]);
    orders[i] = &pass.order;
    if (pass.order.rounds == 0) {
      elements[i] = permute(pass.order, elements[i]);
      orders[i] = nullptr;
    }
  }
  make(count);
}

void MixtureCursor::draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) {
  // Windows are made as a whole where most of one is wanted, or reading goes on where it had stopped.
  const bool in_turn = step == 1 && plan_->window <= kMaxOwned && (start == next_ || count >= plan_->window / 2);
  next_ = step == 1 ? start + count : kNever;
  if (in_turn && count != 0) {
    draw_in_turn(start, count, out);
  } else {
    draw_one_by_one(start, step, count, out);
  }
}

void MixtureCursor::draw_one_by_one(uint64_t start, uint64_t step, uint64_t count, int64_t* out) {
  MixturePlace places[kChunk];
  for (uint64_t done = 0; done < count; done += kChunk) {
    const uint64_t together = std::min(kChunk, count - done);
    locate(start + done * step, step, together, places);
    items(places, together, out + done);
  }
}

void MixtureCursor::draw_in_turn(uint64_t start, uint64_t count, int64_t* out) {
  const uint64_t width = plan_->window;
  int64_t points[kChunk];
  while (count != 0) {
    const uint64_t window = start / width, first = start % width;
    if (window < made_window_ || window - made_window_ >= made_count_) {
      const uint64_t wanted = (first + count - 1) / width + 1;
      make_windows(window, std::min(wanted, std::max<uint64_t>(1, kBatch / width)));
    }
    if (order_window_ != window) {
      order_ = make_permutation(make_stream(seed_, 0, Tag::kMixtureOrder), window, width);
      order_window_ = window;
    }
    const uint64_t together = std::min({count, width - first, kChunk});
    permuted_range(order_, {first, 1, together}, points, target_);
    const int64_t* const made = made_.data() + (window - made_window_) * width;
    for (uint64_t i = 0; i < together; ++i) out[i] = made[points[i]];
    start += together;
    out += together;
    count -= together;
  }
}

// The items of up to `count` windows, all of one stage.
void MixtureCursor::make_windows(uint64_t window, uint64_t count) {
  enter_stage_of(window);
  if (stage_ + 1 < plan_->stages.size()) {
    count = std::min(count, plan_->stages[stage_ + 1]->first_window - window);
  }
  made_count_ = 0;
  made_.resize(count * plan_->window);
  others_.clear();
  others_points_.clear();
  for (uint64_t i = 0; i < outer_.size(); ++i) make_interval(i, window, count);
  run_.resize(std::max<uint64_t>(run_.size(), kChunk));
  for (uint64_t done = 0; done < others_.size(); done += kChunk) {
    const uint64_t together = std::min(kChunk, others_.size() - done);
    MixturePlace* const places = others_.data() + done;
    for (uint64_t i = 0; i < together; ++i) {
      if (places[i].source == kGroup) locate_in_group(places + i, true);
    }
    items(places, together, run_.data());
    for (uint64_t i = 0; i < together; ++i) made_[others_points_[done + i]] = run_[i];
  }
  made_window_ = window;
  made_count_ = count;
}

// One interval's part of it. Its occurrences in successive windows follow each other, so that one run of its source's
// permutation gives all of them.
void MixtureCursor::make_interval(uint64_t interval, uint64_t window, uint64_t count) {
  const MixtureStage& stage = *plan_->stages[stage_];
  const uint32_t source = stage.outer.sources[interval];
  const MassBoundary low = stage.outer.begins[interval], high = stage.outer.begins[interval + 1];
  const uint64_t before = outer_before(interval, window);
  uint64_t total = 0;
  for (uint64_t w = window; w < window + count; ++w) {
    const uint64_t offset = window_offset(offset_, w);
    total += points_below(high, offset) - points_below(low, offset);
  }
  const bool runs = source != kGroup && total >= kShortRun && (*plan_->sources)[source].kind == SourceKind::kPlain;
  if (runs) make_run(source, before, total);
  uint64_t done = 0;
  for (uint64_t w = 0; w < count; ++w) {
    const uint64_t offset = window_offset(offset_, window + w);
    const uint64_t first = w * plan_->window;
    for (uint64_t point = points_below(low, offset), end = points_below(high, offset); point < end; ++point, ++done) {
      if (runs) {
        made_[first + point] = run_[done];
      } else {
        others_.push_back({source, before + done});
        others_points_.push_back(first + point);
      }
    }
  }
  outer_[interval] = {window + count, before + total};
}

// run_[i] = the item of the source's occurrence number `occurrence` + i.
void MixtureCursor::make_run(uint32_t source, uint64_t occurrence, uint64_t count) {
  const auto first_item = static_cast<int64_t>((*plan_->sources)[source].first_item);
  const uint64_t items = (*plan_->sources)[source].items;
  if (run_.size() < count + kRunLanes) run_.resize(count + kRunLanes);
  for (uint64_t done = 0; done < count;) {
    const uint64_t element = take_pass({source, occurrence + done});
    const uint64_t wanted = std::min(count - done, items - element);
    // What is left over of a vector would be made one by one.
    const uint64_t made = std::min((wanted + kRunLanes - 1) / kRunLanes * kRunLanes, items - element);
    permuted_range(passes_[source].order, {element, 1, made}, run_.data() + done, target_);
    done += wanted;
  }
  for (uint64_t i = 0; i < count; ++i) run_[i] += first_item;
}

void MixtureCursor::pad(uint64_t epoch, uint64_t by, uint64_t start, uint64_t step, uint64_t count,
                        int64_t* out) const {
  const MixtureStage& stage = *plan_->stages[plan_->stage_of(by / plan_->window)];
  const auto find = [](const Intervals& of, uint64_t word, uint64_t points) {
    return of.sources[interval_with(of.begins.data(), of.size(), {multiply_high(word, points), word * points})];
  };
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t position = start + i * step;
    const auto word = [&](Tag tag) { return stream_word(make_stream(seed_, epoch, tag), position); };
    uint32_t number = find(stage.outer, word(Tag::kPadding), plan_->window);
    if (number == kGroup) {
      number = find(stage.inner, word(Tag::kMixturePaddingInner), uint64_t{1} << stage.inner_bits);
    }
    const MixtureSource& source = (*plan_->sources)[number];
    const uint64_t pick = word(Tag::kPaddingPick);
    uint64_t item = multiply_high(pick, source.items);
    if (source.kind == SourceKind::kTable) item = draw_one(source.table, pick);
    if (source.kind == SourceKind::kClasses) {
      item = draw_one(source.classes, word(Tag::kMixturePaddingClass), pick);
    }
    out[i] = static_cast<int64_t>(source.first_item + item);
  }
}

}  // namespace pysampler
