// Many rows of weights at once: every pass of a table's construction, over all rows in one launch.
#pragma once

#include "cuda/grid.h"
#include "cuda/table/build_job.h"

namespace pysampler::cuda {

// What the host reads once all rows have been looked at.
struct RowsOutcome {
  uint64_t row;  // the first that is no distribution; as many as there are rows if all are
  BuildOutcome outcome;
};

struct RowsJob {
  BuildJob first;         // of row 0
  uint64_t rows;
  uint64_t weight_bytes;  // of a row
  uint64_t scratch_bytes;
  uint64_t table_entries;  // an even number, for tables begin at multiples of 16 bytes
  RowsOutcome* outcome;

  PYSAMPLER_HOST_DEVICE BuildJob row(uint64_t number) const {
    BuildJob job = first;
    const uint64_t further = number * scratch_bytes;
    job.weights = static_cast<const char*>(first.weights) + number * weight_bytes;
    if (job.table != nullptr) job.table += number * table_entries;
    job.state = moved(first.state, further);
    job.seen = moved(first.seen, further);
    job.sums = moved(first.sums, further);
    job.small_units = moved(first.small_units, further);
    job.cumulative = moved(first.cumulative, further);
    job.quotas = moved(first.quotas, further);
    if (job.table == nullptr) return job;
    job.leftovers.amounts = moved(first.leftovers.amounts, further);
    job.leftovers.places = moved(first.leftovers.places, further);
    job.leftovers.lights = moved(first.leftovers.lights, further);
    job.leftovers.heavies = moved(first.leftovers.heavies, further);
    job.leftovers.deficit = moved(first.leftovers.deficit, further);
    job.leftovers.excess = moved(first.leftovers.excess, further);
    return job;
  }

 private:
  template <class T>
  static PYSAMPLER_HOST_DEVICE T* moved(T* pointer, uint64_t bytes) {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(pointer) + bytes);
  }
};

// A team as one of those of a row.
template <class Team>
struct RowTeam {
  static constexpr uint32_t kThreads = Team::kThreads;
  template <class T>
  using Own = typename Team::template Own<T>;

  Team& team;
  uint32_t number;

  PYSAMPLER_HOST_DEVICE uint32_t block() const { return number; }
  PYSAMPLER_HOST_DEVICE void barrier() { team.barrier(); }
  template <class Step>
  PYSAMPLER_HOST_DEVICE void each(Step step) {
    team.each(step);
  }
};

// A body of team.h for one row, `body`, as one for all of them: row by row, `per_row` blocks of threads to each.
template <class Body>
struct OnRows {
  static constexpr uint32_t kThreads = Body::kThreads;
  using Shared = typename Body::Shared;

  Body body;
  RowsJob rows;
  uint32_t per_row;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    const uint32_t row = team.block() / per_row;
    Body own = body;
    own.job = rows.row(row);
    RowTeam<Team> within = {team, team.block() - row * per_row};
    own(within, shared);
  }
};

// The same for bodies of grid.h.
template <class Body>
struct OnRowsOfGrid {
  static constexpr uint32_t kThreads = Body::kThreads;

  Body body;
  RowsJob rows;
  uint32_t per_row;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    const uint32_t row = at.block / per_row;
    Body own = body;
    own.job = rows.row(row);
    own(ThreadAt{at.block - row * per_row, at.thread, {per_row, at.grid.threads}});
  }
};

// Queues passes for one row as passes for all of them.
template <class Queue>
struct RowsQueue {
  RowsJob rows;
  Queue& queue;

  template <class Body>
  void team(const Body& body, uint32_t blocks) {
    queue.team(OnRows<Body>{body, rows, blocks}, static_cast<uint32_t>(blocks * rows.rows));
  }
  template <class Body>
  void body(const Body& body, Grid grid) {
    if (grid.blocks == 0) return;
    queue.body(OnRowsOfGrid<Body>{body, rows, grid.blocks},
               Grid{static_cast<uint32_t>(grid.blocks * rows.rows), grid.threads});
  }
};

// How what each row needs is aligned: there may be many rows, of a few weights each.
constexpr uint64_t kRowAlignment = 16;

// `table`: of rows.table_entries entries a row, or null where no tables are built. `scratch` aligns to kRowAlignment.
inline RowsJob lay_out_rows(const void* weights, WeightType type, uint64_t rows, uint64_t columns, AliasEntry* table,
                            Scratch& scratch) {
  RowsJob job = {};
  job.rows = rows;
  job.weight_bytes = columns * (type == WeightType::kFloat32 ? 4 : 8);
  job.table_entries = (columns + 1) / 2 * 2;
  job.outcome = scratch.take<RowsOutcome>(1);
  const uint64_t before = scratch.bytes();
  job.first = table == nullptr ? lay_out_shares(weights, columns, scratch) : lay_out(weights, columns, table, scratch);
  job.scratch_bytes = scratch.bytes() - before;
  if (rows > 1) scratch.take<unsigned char>((rows - 1) * job.scratch_bytes);
  return job;
}

}  // namespace pysampler::cuda
