// The items that stand at a cursor's positions: alone, or a few windows as a whole.
#include <algorithm>

#include "cpu/mixture/mixture_cursor.h"
#include "core/macros.h"
#include "cpu/permutation/permuted_each.h"
#include "cpu/permutation/permuted_range.h"

namespace pysampler {
namespace {

constexpr uint64_t kMaxMade = 1 << 16;  // points of a window that may be made as a whole
constexpr uint64_t kBatch = 4096;       // positions of whole windows that are made together
constexpr uint64_t kShortRun = 8;       // occurrences of a source that are not worth a run of its permutation
constexpr uint64_t kRunLanes = 32;      // runs are of whole vectors, if the pass is long enough
constexpr uint64_t kPassesAhead = 12;   // passes are asked for so many places before their turn

}  // namespace

// The element of the source's pass that a place is; makes the pass's order if it is not the one at hand.
uint64_t MixtureCursor::take_pass(const MixturePlace& place) {
  Pass& pass = passes_[place.source];
  if (place.occurrence - pass.begin >= pass.items || pass.begin == kNever) {
    const uint64_t number = place.occurrence / pass.items;
    pass.begin = number * pass.items;
    pass.order = make_permutation(make_stream(seed_, place.source, Tag::kMixtureItem), number, pass.items);
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
  const Permutation* orders[kTogether] = {};
  uint64_t elements[kTogether];
  uint64_t done = 0;  // lanes whose items are made; those that follow hold on to their passes' orders
  const auto make = [&](uint64_t end) {
    permuted_each(orders + done, elements + done, end - done, target_);
    for (uint64_t i = done; i < end; ++i) out[i] += static_cast<int64_t>(elements[i]);
    done = end;
  };
  for (uint64_t i = 0; i < count; ++i) {
    if (i + kPassesAhead < count) {
      const Pass* const ahead = &passes_[places[i + kPassesAhead].source];
      prefetch(ahead);
      prefetch(reinterpret_cast<const char*>(ahead) + 64);
    }
    const Pass& pass = passes_[places[i].source];
    out[i] = static_cast<int64_t>(pass.first_item);
    if (pass.items == 0) {
      orders[i] = nullptr;
      elements[i] = from_table(places[i]);
      continue;
    }
    const bool another = pass.begin == kNever || places[i].occurrence - pass.begin >= pass.items;
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
  const bool goes_on = start == next_;
  const bool in_turn = step == 1 && plan_->window <= kMaxMade && (goes_on || count >= plan_->window / 2);
  next_ = step == 1 ? start + count : kNever;
  if (in_turn && count != 0) {
    draw_in_turn(start, count, goes_on, out);
  } else {
    draw_one_by_one(start, step, count, out);
  }
}

void MixtureCursor::draw_one_by_one(uint64_t start, uint64_t step, uint64_t count, int64_t* out) {
  MixturePlace places[kTogether];
  for (uint64_t done = 0; done < count; done += kTogether) {
    const uint64_t together = std::min(kTogether, count - done);
    locate(start + done * step, step, together, places);
    items(places, together, out + done);
  }
}

void MixtureCursor::draw_in_turn(uint64_t start, uint64_t count, bool goes_on, int64_t* out) {
  const uint64_t all = count;
  const uint64_t width = plan_->window;
  int64_t points[kTogether];
  while (count != 0) {
    const uint64_t window = start / width, first = start % width;
    if (window < made_window_ || window - made_window_ >= made_count_) {
      const uint64_t wanted = (first + count - 1) / width + 1;
      enter_stage_of(window);
      const bool whole = goes_on || worth_spreading(1, all);
      make_windows(window, std::min(wanted, std::max<uint64_t>(1, kBatch / width)), whole);
    }
    if (order_window_ != window) {
      order_ = make_permutation(make_stream(seed_, 0, Tag::kMixtureOrder), window, width);
      order_window_ = window;
    }
    const uint64_t together = std::min({count, width - first, kTogether});
    permuted_range(order_, {first, 1, together}, points, target_);
    const int64_t* const made = made_.data() + (window - made_window_) * width;
    for (uint64_t i = 0; i < together; ++i) out[i] = made[points[i]];
    start += together;
    out += together;
    count -= together;
  }
}

// The items of up to `count` windows of the stage at hand.
void MixtureCursor::make_windows(uint64_t window, uint64_t count, bool whole) {
  if (stage_ + 1 < plan_->stages.size()) {
    count = std::min(count, plan_->stages[stage_ + 1]->first_window - window);
  }
  made_count_ = 0;
  made_.resize(count * plan_->window);
  others_.clear();
  others_points_.clear();
  for (uint64_t i = 0; i < outer_.size(); ++i) make_interval(i, window, count);
  run_.resize(std::max<uint64_t>(run_.size(), kTogether));
  for (uint64_t done = 0; done < others_.size(); done += kTogether) {
    const uint64_t together = std::min(kTogether, others_.size() - done);
    MixturePlace* const places = others_.data() + done;
    locate_in_group(places, together, whole);
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
  const bool runs = source != kGroup && total >= kShortRun && passes_[source].items != 0;
  const uint64_t others = others_.size();
  if (runs) {
    make_run(source, before, total);
  } else {
    others_.resize(others + total);
    others_points_.resize(others + total);
  }
  uint64_t done = 0;
  for (uint64_t w = 0; w < count; ++w) {
    const uint64_t offset = window_offset(offset_, window + w);
    const uint64_t first = w * plan_->window;
    for (uint64_t point = points_below(low, offset), end = points_below(high, offset); point < end; ++point, ++done) {
      if (runs) {
        made_[first + point] = run_[done];
      } else {
        others_[others + done] = {source, before + done};
        others_points_[others + done] = first + point;
      }
    }
  }
  outer_[interval] = {window + count, before + total};
}

// run_[i] = the item of the source's occurrence number `occurrence` + i.
void MixtureCursor::make_run(uint32_t source, uint64_t occurrence, uint64_t count) {
  const auto first_item = static_cast<int64_t>(passes_[source].first_item);
  const uint64_t items = passes_[source].items;
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
