#include "cpu/coverage/parallel_mark.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

namespace pysampler {
namespace {

constexpr uint64_t kSmallBytes = 1 << 20;  // stays in a core's own cache

uint64_t bytes_of(const Marks& marks) {
  return bitmap_words(marks.items) * sizeof(uint64_t) + (marks.counts == nullptr ? 0 : marks.items * sizeof(uint16_t));
}

// One thread's own marks.
struct OwnMarks {
  explicit OwnMarks(const Marks& like)
      : words(bitmap_words(like.items)), counts(like.counts == nullptr ? 0 : like.items) {}

  Marks view(uint64_t items) { return {items, words.data(), counts.empty() ? nullptr : counts.data()}; }

  void add_to(const Marks& marks) const {
    for (uint64_t i = 0; i < words.size(); ++i) marks.words[i] |= words[i];
    for (uint64_t i = 0; i < counts.size(); ++i) {
      const uint32_t sum = uint32_t{marks.counts[i]} + counts[i];
      marks.counts[i] = static_cast<uint16_t>(std::min<uint32_t>(sum, kMostCounted));
    }
  }

  std::vector<uint64_t> words;
  std::vector<uint16_t> counts;
};

}  // namespace

void parallel_mark(uint64_t tasks, const Marks& marks, const Execution& execution, const MarkingTask& task) {
  if (execution.threads <= 1 || tasks <= 1 || bytes_of(marks) > kSmallBytes) {
    const Marker marker(marks, execution.threads <= 1 ? Sharing::kAlone : Sharing::kShared);
    parallel_for(tasks, execution, [&](uint64_t i) { task(i, marker); });
    return;
  }
  std::mutex mutex;
  std::vector<std::shared_ptr<OwnMarks>> all;
  parallel_for_workers(tasks, execution, [&]() -> Task {
    const auto own = std::make_shared<OwnMarks>(marks);
    {
      const std::lock_guard<std::mutex> lock(mutex);
      all.push_back(own);
    }
    return [&task, own, marker = Marker(own->view(marks.items), Sharing::kAlone)](uint64_t i) { task(i, marker); };
  });
  for (const auto& own : all) own->add_to(marks);
}

}  // namespace pysampler
