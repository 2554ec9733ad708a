#include "cpu/draw/draw.h"

#include "cpu/draw/draw_kernels.h"
#include "cpu/draw/partitioned_draw.h"
#include "cpu/draw/stretches.h"

namespace pysampler {
namespace {

constexpr uint64_t kPrefetchAboveBytes = 512 << 10;

}  // namespace

void direct_draw(const AliasEntry* table, uint64_t items, Stream stream, uint64_t start, uint64_t step, uint64_t count,
                 int64_t* out, Target target, const Execution& execution) {
  const DrawHints hints = {items * sizeof(AliasEntry) > kPrefetchAboveBytes, too_large_to_cache(count)};
  const DrawKernels& kernels = draw_kernels(target);
  for_each_stretch(count, execution, [&](uint64_t first, uint64_t draws) {
    kernels.draw_range(table, items, stream, start + first * step, step, draws, out + first, hints);
  });
}

void draw(const AliasEntry* table, uint64_t items, Stream stream, uint64_t start, uint64_t step, uint64_t count,
          int64_t* out, Target target, const Execution& execution) {
  if (step == 1 && partitioned_draw_pays(items, count)) {
    partitioned_draw(table, items, stream, start, count, out, target, execution);
  } else {
    direct_draw(table, items, stream, start, step, count, out, target, execution);
  }
}

}  // namespace pysampler
