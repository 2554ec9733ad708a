#include "cpu/classes/class_draw.h"

#include "cpu/classes/class_draw_kernels.h"
#include "cpu/draw/stretches.h"

namespace pysampler {
namespace {

constexpr uint64_t kPrefetchAboveBytes = 512 << 10;

}  // namespace

void class_draw(const ClassTableView& table, uint64_t places, ClassStreams streams, uint64_t start, uint64_t step,
                uint64_t count, int64_t* out, Target target, const Execution& execution) {
  const uint64_t class_bytes = table.items.classes * (sizeof(AliasEntry) + sizeof(ClassRange));
  const ClassDrawHints hints = {
      class_bytes > kPrefetchAboveBytes,
      table.items.members != nullptr && places * sizeof(uint32_t) > kPrefetchAboveBytes,
      too_large_to_cache(count),
  };
  const ClassDrawKernels& kernels = class_draw_kernels(target);
  for_each_stretch(count, execution, [&](uint64_t first, uint64_t draws) {
    kernels.draw_range(table, streams, start + first * step, step, draws, out + first, hints);
  });
}

}  // namespace pysampler
