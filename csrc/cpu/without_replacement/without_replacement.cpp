#include "cpu/without_replacement/without_replacement.h"

#include "core/stream.h"
#include "cpu/runtime/float_environment.h"
#include "cpu/without_replacement/exponential_race.h"
#include "cpu/without_replacement/race_keys.h"
#include "cpu/without_replacement/seen_bitmap.h"
#include "cpu/without_replacement/unseen_draws.h"

namespace pysampler {
namespace {

// Draws from the table pay up to this part of all items; beyond, the race alone is faster.
bool table_pays(uint64_t items, uint64_t count) { return count <= items * 2 / 5; }

}  // namespace

void draw_without_replacement(const WithoutReplacement& request, uint64_t count, int64_t* out,
                              const Execution& execution) {
  if (count == 0) return;
  const StandardFloats standard_floats;
  const WeightView weights = request.weights;
  const bool use_table = request.table && table_pays(weights.count, count);
  SeenBitmap seen(use_table ? weights.count : 0);
  uint64_t found = 0;
  if (use_table) {
    const Stream stream = make_stream(request.seed, request.epoch, Tag::kSeenBitmap);
    found = draw_unseen({request.table, weights.count}, stream, request.first_position, count, out, &seen, execution);
  }
  if (found == count) return;
  const Race race = {weights,
                     race_scale_of(weights, execution),
                     make_stream(request.seed, request.epoch, Tag::kRace),
                     request.first_position,
                     use_table ? seen.words() : nullptr,
                     execution.target};
  run_race(race, count - found, out + found, execution);
}

}  // namespace pysampler
