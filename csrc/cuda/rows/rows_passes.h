// The passes over a matrix of weights. None waits for the host.
#pragma once

#include "cuda/rows/rows_body.h"
#include "cuda/table/build_passes.h"

namespace pysampler::cuda {

// How draws of rows are made; which, is for the caller to decide as the CPU does (cpu/multinomial/ways.h).
enum class RowsWay { kShares, kTables, kRace };

// Looks at all rows and makes what draws are made from. Then rows.outcome tells of the first bad row.
template <class Weight, class Queue>
void queue_rows(const RowsJob& rows, RowsWay way, uint32_t multiprocessors, Queue& queue) {
  RowsQueue<Queue> each = {rows, queue};
  if (way == RowsWay::kTables) {
    queue_passes<Weight>(rows.first, multiprocessors, each);
  } else if (way == RowsWay::kShares) {
    queue_shares<Weight>(rows.first, multiprocessors, each);
    each.team(AddUpQuotas{rows.first}, 1);
  } else {
    queue_sums<Weight>(rows.first, each);
  }
  queue.team(FindBadRow{rows}, 1);
}

// Fills drawn.out, after queue_rows in one of the first two ways.
template <class Weight, class Queue>
void queue_row_draws(const RowsJob& rows, RowsWay way, const RowDraws& drawn, uint32_t multiprocessors, Queue& queue) {
  if (way == RowsWay::kTables) {
    queue.body(DrawFromTables{rows, drawn},
               grid_for(rows.rows * drawn.draws, DrawFromTables::kThreads, multiprocessors));
    return;
  }
  // Of a row that is one block of items, a look at the weights serves all draws; elsewhere each needs its own.
  constexpr uint64_t kAfterOneLook = 8192, kAfterTheirOwn = 4;
  const uint64_t together = rows.first.layout().blocks == 1 ? kAfterOneLook : kAfterTheirOwn;
  const uint64_t per_row = (drawn.draws + together - 1) / together;
  queue.team(DrawFromRows<Weight>{rows, drawn, static_cast<uint32_t>(per_row), together},
             static_cast<uint32_t>(rows.rows * per_row));
}

// Fills `keys`, one for each weight, after queue_rows for a race.
template <class Weight, class Queue>
void queue_race_keys(const RowsJob& rows, Origin origin, const StreamState* state, int64_t* keys,
                     uint32_t multiprocessors, Queue& queue) {
  queue.body(RaceKeys<Weight>{rows, origin, state, keys},
             grid_for(rows.rows * rows.first.items, RaceKeys<Weight>::kThreads, multiprocessors));
}

}  // namespace pysampler::cuda
