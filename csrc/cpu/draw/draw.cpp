#include "cpu/draw/draw.h"

#include "cpu/draw/draw_kernels.h"
#include "cpu/draw/partitioned_draw.h"
#include "cpu/runtime/cache_sizes.h"
#include "cpu/runtime/stretches.h"

namespace pysampler {

Evaluation draw(const AliasTableView& table, Stream stream, const Positions& positions, int64_t* out,
                const Execution& execution, Evaluation wanted) {
  const bool pays = wanted == Evaluation::kAuto && partitioned_draw_pays(table.items, positions.count);
  if (positions.step == 1 && (pays || wanted == Evaluation::kPartitioned)) {
    partitioned_draw(table, stream, positions.start, positions.count, out, execution);
    return Evaluation::kPartitioned;
  }
  const DrawHints hints = {table.items * sizeof(AliasEntry) > kPrefetchAboveBytes, too_large_to_cache(positions.count)};
  const DrawKernels& kernels = draw_kernels(execution.target);
  for_each_stretch(positions.count, execution, [&](uint64_t first, uint64_t n) {
    kernels.draw_range(table, stream, positions.part(first, n), out + first, hints);
  });
  return Evaluation::kDirect;
}

}  // namespace pysampler
