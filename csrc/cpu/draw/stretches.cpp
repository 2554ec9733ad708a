#include "cpu/draw/stretches.h"

#include <algorithm>

namespace pysampler {
namespace {

// Fewer draws than this are done before another thread would have started.
constexpr uint64_t kMinDrawsPerThread = 1 << 17;
constexpr uint64_t kDrawsPerTask = 1 << 18;  // at most some ten milliseconds, so that interrupts are seen soon

}  // namespace

void for_each_stretch(uint64_t count, const Execution& execution,
                      const std::function<void(uint64_t first, uint64_t n)>& draw) {
  if (count == 0) return;
  const uint64_t threads = std::clamp<uint64_t>(count / kMinDrawsPerThread, 1, std::max(execution.threads, 1));
  const uint64_t per_thread = (count / threads / 64 + 1) * 64;
  const uint64_t per_task = threads == 1 && !execution.interrupt ? count : std::min(kDrawsPerTask, per_thread);
  parallel_for((count - 1) / per_task + 1, {static_cast<int>(threads), execution.interrupt}, [&](uint64_t task) {
    const uint64_t first = task * per_task;
    draw(first, std::min(per_task, count - first));
  });
}

}  // namespace pysampler
