// A table in one piece of memory: made of one on the CPU, and drawn from there.
#include "cpu/dynamic/packed_table.h"

#include <cstring>
#include <shared_mutex>

#include "core/packed_table.h"
#include "cpu/dynamic/dynamic_table.h"
#include "cpu/runtime/float_environment.h"
#include "cpu/runtime/stretches.h"

namespace pysampler {

uint64_t DynamicTable::pack(uint64_t* words, uint64_t room) const {
  const StandardFloats standard_floats;
  const std::shared_lock<FairLock> reading(lock_);
  const uint64_t capacity = tree_.capacity(), needed = packed_words(capacity, type_ == WeightType::kFloat64);
  if (needed > room) return needed;
  std::memset(words, 0, packed_weights_at(capacity) * sizeof *words);
  const PackedHeader header = {items_,
                               capacity,
                               static_cast<uint64_t>(type_ == WeightType::kFloat64),
                               tree_.view().scale,
                               tree_.total(),
                               positive_,
                               sum_,
                               {}};
  std::memcpy(words, &header, sizeof header);
  std::memcpy(words + packed_weights_at(capacity), tree_.weights(), capacity * tree_.weight_bytes());
  // Each level's masses are differences of what lies before; a node's last child has the rest of the node's mass.
  PackedLevel level = packed_root(capacity);
  const uint64_t total = tree_.total();
  const uint64_t* masses = &total;  // of this level's nodes
  for (;; level = below(level)) {
    const uint64_t* before = tree_.view().levels[level.level];
    for (uint64_t node = 0; node < level.nodes(); ++node, before += kChildren) {
      uint64_t* const own = words + level.begin + node * kChildren;
      for (uint64_t child = 0; child < kChildren; ++child) {
        const uint64_t end = child + 1 < kChildren ? before[child + 1] : masses[node];
        own[child] = end - before[child];
      }
    }
    masses = words + level.begin;
    if (level.level == 0) return needed;
  }
}

bool is_packed(const uint64_t* words, uint64_t count) {
  if (count < kHeaderWords) return false;
  PackedHeader header;
  std::memcpy(&header, words, sizeof header);
  return is_sound(header, count);
}

void draw_packed(const uint64_t* words, uint64_t held, Stream stream, uint64_t start, uint64_t step, uint64_t strata,
                 uint64_t count, int64_t* out, const Execution& execution) {
  const PackedDraws draws = packed_draws(words, held, stream, strata);
  for_each_stretch(count, execution, [&](uint64_t first, uint64_t together) {
    for (uint64_t i = first; i < first + together; ++i) out[i] = draws.at(start + i * step);
  });
}

}  // namespace pysampler
