#include "cpu/runtime/stretches.h"

#include <algorithm>

namespace pysampler {

void for_each_stretch(uint64_t count, const Execution& execution,
                      const std::function<void(uint64_t first, uint64_t n)>& draw, StretchSizes sizes) {
  if (count == 0) return;
  const Execution limited = execution.on_at_most(count / sizes.min_per_thread);
  const uint64_t per_thread = (count / static_cast<uint64_t>(limited.threads) / 64 + 1) * 64;
  const uint64_t per_task =
      limited.threads == 1 && !execution.interrupt ? count : std::min(sizes.per_task, per_thread);
  parallel_for((count - 1) / per_task + 1, limited, [&](uint64_t task) {
    const uint64_t first = task * per_task;
    draw(first, std::min(per_task, count - first));
  });
}

}  // namespace pysampler
