#include "cpu/coverage/redraw.h"

#include <algorithm>

#include "cpu/coverage/mark.h"
#include "cpu/coverage/parallel_mark.h"

namespace pysampler {
namespace {

// A task is a piece of one epoch.
uint64_t pieces_per_epoch(const Redraw& redraw) {
  return redraw.count / kMarksPerTask + (redraw.count % kMarksPerTask != 0);
}

Execution worth_threads(const Redraw& redraw, const Execution& execution) {
  const double draws = static_cast<double>(redraw.count) * static_cast<double>(redraw.epochs.size());
  return execution.on_at_most(static_cast<uint64_t>(std::min(draws / static_cast<double>(kMarksPerTask), 0x1p30)));
}

// Calls use(epoch, position, draws, count) for every chunk of a task.
template <class Use>
void for_each_chunk(const Redraw& redraw, uint64_t items, uint64_t task, Use use) {
  int64_t draws[kMarkChunk];
  const uint64_t epoch = task / pieces_per_epoch(redraw), piece = task % pieces_per_epoch(redraw);
  const uint64_t end = std::min(redraw.count, (piece + 1) * kMarksPerTask);
  for (uint64_t first = piece * kMarksPerTask; first < end; first += kMarkChunk) {
    const uint64_t count = std::min(kMarkChunk, end - first), position = redraw.start + first;
    redraw.epochs[epoch](position, count, draws);
    // A table file that somebody writes to while it is mapped may say anything.
    if (!all_in_range(draws, count, items)) {
      const uint64_t wrong = first_outside(draws, count, items);
      throw IndexOutOfRange{position + wrong, draws[wrong], true};
    }
    use(epoch, position, draws, count);
  }
}

}  // namespace

void mark_draws(const Redraw& redraw, const Marks& marks, const Execution& execution) {
  const uint64_t tasks = redraw.epochs.size() * pieces_per_epoch(redraw);
  parallel_mark(tasks, marks, worth_threads(redraw, execution), [&](uint64_t task, const Marker& marker) {
    for_each_chunk(redraw, marks.items, task, [&](uint64_t, uint64_t, const int64_t* draws, uint64_t count) {
      marker(draws, count);
    });
  });
}

std::vector<Sighting> find_draws(const Redraw& redraw, const uint64_t* wanted, uint64_t items,
                                 const Execution& execution) {
  const uint64_t tasks = redraw.epochs.size() * pieces_per_epoch(redraw);
  std::vector<std::vector<Sighting>> found(tasks);  // by task: whoever is done first, the order is the same
  parallel_for(tasks, worth_threads(redraw, execution), [&](uint64_t task) {
    for_each_chunk(redraw, items, task, [&](uint64_t epoch, uint64_t first, const int64_t* draws, uint64_t count) {
      for (uint64_t i = 0; i < count; ++i) {
        const auto item = static_cast<uint64_t>(draws[i]);
        if ((wanted[item / 64] >> item % 64 & 1) != 0) found[task].push_back({epoch, first + i, draws[i]});
      }
    });
  });
  std::vector<Sighting> all;
  for (const std::vector<Sighting>& part : found) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace pysampler
