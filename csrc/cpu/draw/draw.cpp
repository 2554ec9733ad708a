#include "cpu/draw/draw.h"

#include <algorithm>

#include "cpu/draw/draw_kernels.h"
#include "cpu/draw/partitioned_draw.h"

namespace pysampler {
namespace {

// Fewer draws than this are done before another thread would have started.
constexpr uint64_t kMinDrawsPerThread = 1 << 17;
constexpr uint64_t kDrawsPerTask = 1 << 18;  // at most some ten milliseconds, so that interrupts are seen soon

constexpr uint64_t kPrefetchAboveBytes = 512 << 10;
constexpr uint64_t kStreamAboveBytes = 8 << 20;

}  // namespace

void direct_draw(const AliasEntry* table, uint64_t items, Stream stream, uint64_t start, uint64_t step, uint64_t count,
                 int64_t* out, Target target, const Execution& execution) {
  const DrawHints hints = {items * sizeof(AliasEntry) > kPrefetchAboveBytes, count * 8 > kStreamAboveBytes};
  const DrawKernels& kernels = draw_kernels(target);
  const uint64_t threads = std::clamp<uint64_t>(count / kMinDrawsPerThread, 1, std::max(execution.threads, 1));
  const uint64_t per_thread = (count / threads / 64 + 1) * 64;
  const uint64_t per_task = threads == 1 && !execution.interrupt ? count : std::min(kDrawsPerTask, per_thread);
  const uint64_t tasks = count == 0 ? 0 : (count - 1) / per_task + 1;
  parallel_for(tasks, {static_cast<int>(threads), execution.interrupt}, [&](uint64_t task) {
    const uint64_t first = task * per_task;
    kernels.draw_range(table, items, stream, start + first * step, step, std::min(per_task, count - first), out + first,
                       hints);
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
