// Updates of a packed table (core/packed_table.h) on a GPU: what csrc/cpu/dynamic makes of the same batch, whatever the
// order of threads. Additions of integers have none; of several weights for one item the last place in the batch is found
// first, by a maximum.
#pragma once

#include <cstdint>

#include "core/packed_table.h"
#include "cuda/atomics.h"
#include "cuda/grid.h"
#include "cuda/team.h"

namespace pysampler::cuda {

enum class Verdict : uint64_t {
  kDone,
  kRefused,   // an index or a weight is wrong: nothing was changed
  kNewScale,  // the total leaves the range of the table's scale: nothing was changed
};

// Modulo 2^64. Masses are summed in halves, so that sums of up to 2^32 of them do not overflow.
struct BatchSums {
  uint64_t gained_low, gained_high, lost_low, lost_high;
  uint64_t positive;
  uint64_t fingerprint_low, fingerprint_high;
};
constexpr int kBatchSums = sizeof(BatchSums) / sizeof(uint64_t);

struct UpdateState {
  uint64_t bad;  // entries of the batch with something wrong
  BatchSums sums;
  Verdict verdict;
  PackedHeader header;  // of the table afterwards
};

constexpr uint32_t kNoPlace = UINT32_MAX;  // of an index that is out of range

// All memory is the device's. `state` is zeros at first.
struct UpdateJob {
  uint64_t* words;
  uint32_t* claims;        // for each weight there is room for: 1 + the last place of the batch that it gets; all zeros
                           // before and after
  const int64_t* indices;  // null: first, first + 1, ...
  uint64_t first;
  const void* weights;
  uint64_t count;          // below 2^32
  uint64_t items;          // of the table afterwards, at most its capacity
  uint32_t* places;        // count, and as many copies of weights: others may write to the batch meanwhile
  void* copies;
  UpdateState* state;

  PYSAMPLER_HOST_DEVICE const PackedHeader& header() const { return *reinterpret_cast<const PackedHeader*>(words); }
  template <class Weight>
  PYSAMPLER_HOST_DEVICE Weight* held() const {
    return reinterpret_cast<Weight*>(words + packed_weights_at(header().capacity));
  }
  // Whether entry i of the batch is the one that counts for its item.
  PYSAMPLER_HOST_DEVICE bool counts(uint64_t i) const {
    return places[i] != kNoPlace && claims[places[i]] == static_cast<uint32_t>(i + 1);
  }
};

// Copies and judges the batch, and has each item claimed.
template <class Weight>
struct TakeBatch {
  static constexpr uint32_t kThreads = 256;

  UpdateJob job;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    uint64_t bad = 0;
    for (uint64_t i = at.first(); i < job.count; i += at.stride()) {
      const uint64_t index = job.indices == nullptr ? job.first + i : static_cast<uint64_t>(job.indices[i]);
      const Weight weight = static_cast<const Weight*>(job.weights)[i] + Weight{0};  // -0.0 becomes 0.0
      const bool is_item = index < job.items;
      bad += static_cast<uint64_t>(!is_item || !is_valid(weight));
      job.places[i] = is_item ? static_cast<uint32_t>(index) : kNoPlace;
      static_cast<Weight*>(job.copies)[i] = weight;
      if (is_item) atomic_max(job.claims + index, static_cast<uint32_t>(i + 1));
    }
    if (bad != 0) atomic_add(&job.state->bad, bad);
  }
};

// What the batch changes in sums.
template <class Weight>
struct WeighBatch {
  static constexpr uint32_t kThreads = 256;
  struct Shared {
    BatchSums sums[kThreads];
  };

  UpdateJob job;
  Grid grid;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    const auto* const held = job.held<Weight>();
    const auto scale = static_cast<int>(job.header().scale);
    team.each([&](uint32_t thread) {
      const ThreadAt at = {team.block(), thread, grid};
      BatchSums sums = {};
      for (uint64_t i = at.first(); i < job.count; i += at.stride()) {
        if (!job.counts(i)) continue;
        const uint32_t place = job.places[i];
        add_change(static_cast<const Weight*>(job.copies)[i], held[place], place, scale, &sums);
      }
      shared.sums[thread] = sums;
    });
    const BatchSums all = reduce(team, shared.sums, [](const BatchSums& a, const BatchSums& b) { return sum_of(a, b); });
    team.each([&](uint32_t thread) {
      if (thread == 0) add_all(all);
    });
  }

 private:
  static PYSAMPLER_HOST_DEVICE void add_change(Weight after, Weight before, uint64_t place, int scale, BatchSums* sums) {
    const auto new_weight = static_cast<double>(after), old_weight = static_cast<double>(before);
    const uint64_t gained = mass_of(new_weight, scale), lost = mass_of(old_weight, scale);
    sums->gained_low += gained & 0xFFFFFFFFu;
    sums->gained_high += gained >> 32;
    sums->lost_low += lost & 0xFFFFFFFFu;
    sums->lost_high += lost >> 32;
    sums->positive += static_cast<uint64_t>(new_weight > 0) - static_cast<uint64_t>(old_weight > 0);
    const Fingerprint come = fingerprint_of_weight(new_weight, place), gone = fingerprint_of_weight(old_weight, place);
    sums->fingerprint_low += come.low - gone.low;
    sums->fingerprint_high += come.high - gone.high;
  }

  static PYSAMPLER_HOST_DEVICE BatchSums sum_of(const BatchSums& a, const BatchSums& b) {
    return {a.gained_low + b.gained_low,           a.gained_high + b.gained_high,
            a.lost_low + b.lost_low,               a.lost_high + b.lost_high,
            a.positive + b.positive,               a.fingerprint_low + b.fingerprint_low,
            a.fingerprint_high + b.fingerprint_high};
  }

  PYSAMPLER_HOST_DEVICE void add_all(const BatchSums& all) const {
    BatchSums* const to = &job.state->sums;
    atomic_add(&to->gained_low, all.gained_low);
    atomic_add(&to->gained_high, all.gained_high);
    atomic_add(&to->lost_low, all.lost_low);
    atomic_add(&to->lost_high, all.lost_high);
    atomic_add(&to->positive, all.positive);
    atomic_add(&to->fingerprint_low, all.fingerprint_low);
    atomic_add(&to->fingerprint_high, all.fingerprint_high);
  }
};

// Decides, as the CPU does, and if the batch becomes part of the table, brings the header up to date. One thread.
struct JudgeBatch {
  static constexpr uint32_t kThreads = 32;

  UpdateJob job;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    if (at.first() != 0) return;
    auto* const header = reinterpret_cast<PackedHeader*>(job.words);
    const BatchSums& sums = job.state->sums;
    const WideSum total = changed_total(header->total, whole(sums.gained_low, sums.gained_high),
                                        whole(sums.lost_low, sums.lost_high));
    const Verdict verdict = job.state->bad != 0   ? Verdict::kRefused
                            : keeps_scale(total) ? Verdict::kDone
                                                 : Verdict::kNewScale;
    if (verdict == Verdict::kDone) {
      header->items = job.items;
      header->total = total.low;
      header->positive += sums.positive;
      header->sum = add(header->sum, {sums.fingerprint_low, sums.fingerprint_high});
    }
    job.state->verdict = verdict;
    job.state->header = *header;
  }

 private:
  static PYSAMPLER_HOST_DEVICE WideSum whole(uint64_t low, uint64_t high) {
    return add(WideSum{low, 0}, WideSum{high << 32, high >> 32});
  }
};

// Makes the batch part of the table if that was the verdict, and gives all claims back.
template <class Weight>
struct CommitBatch {
  static constexpr uint32_t kThreads = 256;

  UpdateJob job;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    const bool is_done = job.state->verdict == Verdict::kDone;
    const uint64_t capacity = job.header().capacity;
    const auto scale = static_cast<int>(job.header().scale);
    for (uint64_t i = at.first(); i < job.count; i += at.stride()) {
      if (!job.counts(i)) continue;  // nor does it once the claim is given back
      const uint64_t place = job.places[i];
      job.claims[place] = 0;
      if (!is_done) continue;
      Weight* const held = job.held<Weight>() + place;
      const Weight before = *held, after = static_cast<const Weight*>(job.copies)[i];
      *held = after;
      const uint64_t grown =
          mass_of(static_cast<double>(after), scale) - mass_of(static_cast<double>(before), scale);
      for (PackedLevel level = packed_root(capacity);; level = below(level)) {
        atomic_add(job.words + level.at(place), grown);
        if (level.level == 0) break;
      }
    }
  }
};

// Queues the passes of an update. None waits for the host.
template <class Weight, class Queue>
void queue_update(const UpdateJob& job, uint32_t multiprocessors, Queue& queue) {
  const Grid grid = grid_for(job.count, TakeBatch<Weight>::kThreads, multiprocessors);
  queue.body(TakeBatch<Weight>{job}, grid);
  queue.team(WeighBatch<Weight>{job, grid}, grid.blocks);
  queue.body(JudgeBatch{job}, Grid{1, JudgeBatch::kThreads});
  queue.body(CommitBatch<Weight>{job}, grid);
}

}  // namespace pysampler::cuda
