// Positions of a mixture in bulk: remembers where each source stood, so that going on costs a few comparisons.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cpu/mixture/mixture_counts.h"
#include "cpu/mixture/mixture_plan.h"
#include "cpu/simd/target.h"

namespace pysampler {

// What stands at a position: which occurrence of which source.
struct MixturePlace {
  uint32_t source;
  uint64_t occurrence;
};

// One thread at a time. Memory: some 250 bytes a source, up to 30 a position of a window (of up to 2^16).
class MixtureCursor {
 public:
  struct Counter {  // of an interval: the occurrences of its source before window `at` of the lattice
    uint64_t at, count;
  };
  struct Span {  // an interval
    MassBoundary low, high;
  };

  MixtureCursor(std::shared_ptr<const MixturePlan> plan, uint64_t seed, Target target);

  const std::shared_ptr<const MixturePlan>& plan() const { return plan_; }

  // places[i] = what stands at position start + i * step. All positions lie below 2^62.
  void locate(uint64_t start, uint64_t step, uint64_t count, MixturePlace* places);
  // out[i] = the index of the item there, among the items of all sources.
  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out);
  // out[i] = an item by the shares of position `by`, by words of its own.
  void pad(uint64_t epoch, uint64_t by, uint64_t start, uint64_t step, uint64_t count, int64_t* out) const;

 private:
  static constexpr uint64_t kNever = ~uint64_t{0};
  static constexpr uint64_t kTogether = 1024;  // positions of a window that are made together
  static constexpr uint64_t kLanes = 32;       // positions of several windows that are
  struct alignas(64) Pass {  // what an item takes lies in the first two lines
    uint64_t begin;          // the first occurrence; kNever before the first pass
    uint64_t items;          // 0: of a table, which has no passes
    uint64_t first_item;
    Permutation order;
  };

  void draw_one_by_one(uint64_t start, uint64_t step, uint64_t count, int64_t* out);
  void draw_in_turn(uint64_t start, uint64_t count, bool goes_on, int64_t* out);
  void make_windows(uint64_t window, uint64_t count, bool whole);
  void make_interval(uint64_t interval, uint64_t window, uint64_t count);
  void make_run(uint32_t source, uint64_t occurrence, uint64_t count);
  void enter_stage_of(uint64_t window);
  void enter(uint64_t stage);
  uint64_t end_of_stage() const;
  void locate_in_window(uint64_t window, uint64_t first, uint64_t step, uint64_t count, MixturePlace* places);
  void locate_in_windows(uint64_t start, uint64_t step, uint64_t count, MixturePlace* places);
  MixturePlace outer_place(uint64_t window, uint64_t interval, uint64_t point);
  uint64_t outer_before(uint64_t interval, uint64_t window);
  bool worth_spreading(uint64_t step, uint64_t count) const;
  void locate_in_group(MixturePlace* places, uint64_t count, bool whole);
  uint64_t group_window(const MixturePlace& place) const;
  void locate_in_spread_windows(MixturePlace* places, uint64_t count);
  void spread_group_window(uint64_t window);
  void take_from_spread_window(MixturePlace* place);
  void locate_in_windows_of_group(MixturePlace* const* places, uint64_t count);
  uint64_t group_before(uint64_t interval, uint64_t window);
  void items(const MixturePlace* places, uint64_t count, int64_t* out);
  uint64_t take_pass(const MixturePlace& place);
  uint64_t from_table(const MixturePlace& place) const;

  const std::shared_ptr<const MixturePlan> plan_;
  const uint64_t seed_, offset_;
  const Target target_;
  const MixtureCounts counts_;
  uint64_t stage_ = kNever, group_offset_ = 0;
  std::vector<Counter> outer_, inner_;
  uint64_t order_window_ = kNever, owners_window_ = kNever;
  Permutation order_;
  std::vector<uint32_t> owners_;  // the interval of each point of window owners_window_
  uint64_t spread_window_ = kNever;
  std::vector<uint32_t> spread_intervals_, spread_ranks_, spread_owners_, seen_;  // of each place of that window
  std::vector<Pass> passes_;
  uint64_t next_ = kNever;  // the position after those drawn last
  // Items of windows made as a whole, by their points; and while they are made: items of a run of a source's
  // occurrences, places that have no run, and whose points those are.
  uint64_t made_window_ = 0, made_count_ = 0;
  std::vector<int64_t> made_, run_;
  std::vector<MixturePlace> others_;
  std::vector<uint64_t> others_points_;
};

// owners[i] = the interval of a window's point i < points.
void put_down_owners(const Intervals& intervals, uint64_t offset, uint64_t points, uint32_t* owners);
// How many points an interval has from a counter's window on before `window`, which is not earlier.
uint64_t gone_on(const MixtureCursor::Span& span, uint64_t first_offset, MixtureCursor::Counter counter,
                 uint64_t window);

}  // namespace pysampler
