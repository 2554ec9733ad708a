// Draws from the rows of a matrix, after the passes that share out their masses: the CPU's draws, bit for bit
// (csrc/cpu/multinomial).
#pragma once

#include "core/exponential_race.h"
#include "core/stream.h"
#include "cuda/draw_body.h"
#include "cuda/rows/rows_job.h"
#include "cuda/search.h"
#include "cuda/table/block_masses.h"
#include "cuda/table/plan_body.h"
#include "cuda/team.h"

namespace pysampler::cuda {

constexpr int64_t kNoDraw = -1;  // of rows that are no distribution, where nobody waits to hear of them

// What comes of each of these is `draws` indices a row, at positions origin + row * draws + j.
struct RowDraws {
  Origin origin;
  const StreamState* state;  // read instead of `origin` unless null
  uint64_t draws;
  int64_t* out;

  PYSAMPLER_HOST_DEVICE Origin from() const { return state == nullptr ? origin : origin_of(*state); }
};

// Looks for the first row that is no distribution.
struct FindBadRow {
  static constexpr uint32_t kThreads = 256;
  struct Shared {
    uint64_t first[kThreads];
  };

  RowsJob rows;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    team.each([&](uint32_t thread) {
      uint64_t row = thread;
      while (row < rows.rows && rows.row(row).state->outcome.is_good()) row += kThreads;
      shared.first[thread] = row < rows.rows ? row : rows.rows;
    });
    const uint64_t first = reduce(team, shared.first, [](uint64_t a, uint64_t b) { return a < b ? a : b; });
    team.each([&](uint32_t thread) {
      if (thread != 0) return;
      rows.outcome->row = first;
      rows.outcome->outcome = first < rows.rows ? rows.row(first).state->outcome : BuildOutcome{};
    });
  }
};

// Replaces `cumulative` by the units up to and including each block of items.
struct AddUpQuotas {
  static constexpr uint32_t kThreads = kPlanThreads;
  struct Units {
    uint64_t count;

    friend PYSAMPLER_HOST_DEVICE Units add(Units a, Units b) { return {a.count + b.count}; }
  };
  struct Shared {
    Units units[2][kThreads];
  };

  BuildJob job;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    if (!job.state->outcome.is_good()) return;
    const uint64_t blocks = job.layout().blocks;
    team.each([&](uint32_t thread) {
      const BlockRange range = range_of(thread, blocks);
      Units sum = {0};
      for (uint64_t b = range.begin; b < range.end; ++b) sum.count += job.quotas[b];
      shared.units[0][thread] = sum;
    });
    const Units* const sums = prefix_sums(team, shared.units);
    team.each([&](uint32_t thread) {
      const BlockRange range = range_of(thread, blocks);
      uint64_t sum = thread == 0 ? 0 : sums[thread - 1].count;
      for (uint64_t b = range.begin; b < range.end; ++b) job.cumulative[b] = sum += job.quotas[b];
    });
  }
};

// few_draws.h: each draw is the item that owns unit floor(word * items * 2^32 / 2^64), units lying block by block. A block
// of threads makes `together` draws of a row: all of them after one look at the weights where the row is one block of
// items, else after a look at the block that each falls into.
template <class Weight>
struct DrawFromShares {
  static constexpr uint32_t kThreads = kPackThreads;
  using Masses = BlockMasses<Weight>;
  struct Shared {
    typename Masses::Counted counted[2][kThreads];
    typename Masses::Largest largest[kThreads];
    AddUpQuotas::Units units[2][kThreads];
    uint64_t ends[kBlockItems];  // units of the block up to and including each item
  };

  BuildJob job;
  RowDraws drawn;  // of all rows
  uint64_t row;
  uint64_t together;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    const uint64_t begin = team.block() * together;
    const uint64_t end = drawn.draws - begin < together ? drawn.draws : begin + together;
    const Origin from = drawn.from();
    if (!job.state->outcome.is_good()) return fill(team, begin, end);
    const BlockLayout layout = job.layout();
    if (layout.blocks == 1) {
      if (!add_up_block(team, shared, 0)) return fill(team, begin, end);
      team.each([&](uint32_t thread) {
        for (uint64_t j = begin + thread; j < end; j += kThreads) {
          put(j, layout.item(0, place_of(shared, unit_of(from, j))));
        }
      });
      return;
    }
    for (uint64_t j = begin; j < end; ++j) {
      const uint64_t unit = unit_of(from, j);
      const uint64_t block = count_up_to(job.cumulative, layout.blocks, unit);
      const uint64_t before = block == 0 ? 0 : job.cumulative[block - 1];
      if (!add_up_block(team, shared, block)) return fill(team, j, end);
      team.each([&](uint32_t thread) {
        if (thread == 0) put(j, layout.item(block, place_of(shared, unit - before)));
      });
    }
  }

 private:
  PYSAMPLER_HOST_DEVICE uint64_t unit_of(Origin from, uint64_t draw) const {
    const SlotPoint point = locate(stream_word(from.stream, from.position + row * drawn.draws + draw), job.items);
    return static_cast<uint64_t>(point.slot) << 32 | point.fraction;
  }
  static PYSAMPLER_HOST_DEVICE uint32_t place_of(const Shared& shared, uint64_t unit) {
    return count_up_to(shared.ends, static_cast<uint32_t>(kBlockItems), unit);
  }
  PYSAMPLER_HOST_DEVICE void put(uint64_t draw, uint64_t item) const {
    drawn.out[row * drawn.draws + draw] = static_cast<int64_t>(item);
  }
  template <class Team>
  PYSAMPLER_HOST_DEVICE void fill(Team& team, uint64_t begin, uint64_t end) const {
    team.each([&](uint32_t thread) {
      for (uint64_t j = begin + thread; j < end; j += kThreads) drawn.out[row * drawn.draws + j] = kNoDraw;
    });
  }

  // Fills shared.ends. False if the weights are others than those that were summed.
  template <class Team>
  PYSAMPLER_HOST_DEVICE bool add_up_block(Team& team, Shared& shared, uint64_t block) const {
    typename Team::template Own<typename Masses::Items> own;
    team.each([&](uint32_t thread) { own[thread] = Masses::items_of(job, block, thread); });
    if (!Masses::even_out(team, shared, own, job.quotas[block])) return false;
    team.each([&](uint32_t thread) {
      AddUpQuotas::Units sum = {0};
      for (uint32_t i = 0; i < kItemsPerThread; ++i) sum.count += own[thread].mass[i];
      shared.units[0][thread] = sum;
    });
    const AddUpQuotas::Units* const sums = prefix_sums(team, shared.units);
    team.each([&](uint32_t thread) {
      uint64_t sum = thread == 0 ? 0 : sums[thread - 1].count;
      for (uint32_t i = 0; i < kItemsPerThread; ++i) shared.ends[thread * kItemsPerThread + i] = sum += own[thread].mass[i];
    });
    return true;
  }
};

// OnRows for it: it must know its row.
template <class Weight>
struct DrawFromRows {
  using Inner = DrawFromShares<Weight>;
  static constexpr uint32_t kThreads = Inner::kThreads;
  using Shared = typename Inner::Shared;

  RowsJob rows;
  RowDraws drawn;
  uint32_t per_row;  // blocks of threads
  uint64_t together;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    const uint32_t row = team.block() / per_row;
    RowTeam<Team> within = {team, team.block() - row * per_row};
    Inner{rows.row(row), drawn, row, together}(within, shared);
  }
};

// Draws from a table that each row has.
struct DrawFromTables {
  static constexpr uint32_t kThreads = 256;

  RowsJob rows;
  RowDraws drawn;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    const Origin from = drawn.from();
    const uint64_t all = rows.rows * drawn.draws;
    for (uint64_t i = at.first(); i < all; i += at.stride()) {
      const BuildJob job = rows.row(i / drawn.draws);
      const uint64_t word = stream_word(from.stream, from.position + i);
      drawn.out[i] = job.state->outcome.is_good()
                         ? static_cast<int64_t>(draw_one(AliasTableView{job.table, job.items}, word))
                         : kNoDraw;
    }
  }
};

// keys[row * columns + i] = when item i of that row arrives in the exponential race (core/exponential_race.h), a positive
// int64. Those of rows that are no distribution do not run.
template <class Weight>
struct RaceKeys {
  static constexpr uint32_t kThreads = 256;

  RowsJob rows;
  Origin origin;  // its stream's tag does not matter
  const StreamState* state;
  int64_t* keys;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    const Origin from = state == nullptr ? origin : origin_of(*state);
    const uint64_t columns = rows.first.items, all = rows.rows * columns;
    constexpr uint64_t kEpochs = (uint64_t{1} << kEpochBits) - 1;
    const Stream stream = make_stream(from.stream.seed, from.stream.counter_high & kEpochs, Tag::kRace);
    for (uint64_t i = at.first(); i < all; i += at.stride()) {
      const BuildJob job = rows.row(i / columns);
      const auto weight = static_cast<double>(static_cast<const Weight*>(job.weights)[i % columns]);
      const bool runs = job.state->outcome.is_good();
      const uint64_t word = stream_word(stream, from.position + i);
      keys[i] = static_cast<int64_t>(runs ? race_key(word, raced_weight(weight, scale_of(job))) : kDoesNotRun);
    }
  }

 private:
  static PYSAMPLER_HOST_DEVICE double scale_of(const BuildJob& job) {
    return sizeof(Weight) == sizeof(float) ? 1.0 : race_scale(bits_of(job.state->largest));
  }
};

}  // namespace pysampler::cuda
