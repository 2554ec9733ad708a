#include "cpu/draw/draw.h"

#include "cpu/draw/draw_kernels.h"
#include "cpu/draw/look_up.h"
#include "cpu/draw/partitioned_draw.h"
#include "cpu/runtime/cache_sizes.h"
#include "cpu/runtime/stretches.h"

namespace pysampler {
namespace {

template <class Index>
void draw_directly(const AliasTableView& table, Stream stream, const Positions& positions, Index* out,
                   const Execution& execution) {
  const DrawKernels& kernels = draw_kernels(execution.target);
  const bool streams = too_large_to_cache(positions.count * sizeof(Index));
  const auto draw_part = [&](LookUp way, uint64_t first, uint64_t n) {
    kernels.draw_range(table, stream, positions.part(first, n), out + first, {way, streams});
  };
  uint64_t done = 0;
  if (positions.count >= kWorthMeasuring) done = measure_look_ups(table.items, execution.target, draw_part);
  const LookUp way = look_up_for(table.items, execution.target);
  for_each_stretch(positions.count - done, execution,
                   [&](uint64_t first, uint64_t n) { draw_part(way, done + first, n); });
}

template <class Index>
Evaluation draw_as(const AliasTableView& table, Stream stream, const Positions& positions, Index* out,
                   const Execution& execution, Evaluation wanted) {
  const bool pays =
      wanted == Evaluation::kAuto && partitioned_draw_pays(table.items, positions.count, execution.threads);
  if (positions.step == 1 && (pays || wanted == Evaluation::kPartitioned)) {
    partitioned_draw(table, stream, positions.start, positions.count, out, execution);
    return Evaluation::kPartitioned;
  }
  draw_directly(table, stream, positions, out, execution);
  return Evaluation::kDirect;
}

}  // namespace

Evaluation draw(const AliasTableView& table, Stream stream, const Positions& positions, int64_t* out,
                const Execution& execution, Evaluation wanted) {
  return draw_as(table, stream, positions, out, execution, wanted);
}

Evaluation draw(const AliasTableView& table, Stream stream, const Positions& positions, int32_t* out,
                const Execution& execution, Evaluation wanted) {
  return draw_as(table, stream, positions, out, execution, wanted);
}

}  // namespace pysampler
