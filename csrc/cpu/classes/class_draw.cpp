#include "cpu/classes/class_draw.h"

#include "cpu/classes/class_draw_kernels.h"
#include "cpu/runtime/cache_sizes.h"
#include "cpu/runtime/stretches.h"

namespace pysampler {

void class_draw(const ClassTableView& table, uint64_t places, ClassStreams streams, const Positions& positions,
                int64_t* out, const Execution& execution) {
  const uint64_t class_bytes = table.items.classes * (sizeof(AliasEntry) + sizeof(ClassRange));
  const ClassDrawHints hints = {
      class_bytes > kPrefetchAboveBytes,
      table.items.members != nullptr && places * sizeof(uint32_t) > kPrefetchAboveBytes,
      too_large_to_cache(positions.count * sizeof(int64_t)),
  };
  const ClassDrawKernels& kernels = class_draw_kernels(execution.target);
  for_each_stretch(positions.count, execution, [&](uint64_t first, uint64_t n) {
    kernels.draw_range(table, streams, positions.part(first, n), out + first, hints);
  });
}

}  // namespace pysampler
