#include "cpu/runtime/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>

#include "cpu/runtime/float_environment.h"
#include "cpu/runtime/thread_team.h"

namespace pysampler {
namespace {

// What the threads of one call share.
class Work {
 public:
  Work(uint64_t count, const std::function<Task()>& make_task) : count_(count), make_task_(make_task) {}

  // Takes tasks until none is left or somebody stopped. `between` runs after each task of this thread.
  template <class Between>
  void run(Between between) noexcept {
    const StandardFloats standard_floats;
    try {
      const Task task = make_task_();
      for (uint64_t i; !stopped_.load(std::memory_order_relaxed) && (i = next_.fetch_add(1)) < count_;) {
        task(i);
        between();
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stopped_ = true;
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const uint64_t count_;
  const std::function<Task()>& make_task_;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void parallel_for(uint64_t count, const Execution& execution, const Task& task) {
  if (count == 1) {  // small jobs are made of little else than what several threads need
    const StandardFloats standard_floats;
    task(0);
    if (execution.interrupt && execution.interrupt()) throw Interrupted{};
    return;
  }
  parallel_for_workers(count, execution, [&task] { return Task(std::cref(task)); });
}

void parallel_for_workers(uint64_t count, const Execution& execution, const std::function<Task()>& make_task) {
  if (count == 0) return;
  Work work(count, make_task);
  bool asked = false;
  const auto ask = [&] {
    asked = true;
    if (execution.interrupt && execution.interrupt()) throw Interrupted{};
  };
  ThreadTeam own_team;
  ThreadTeam& team = execution.team != nullptr ? *execution.team : own_team;
  const uint64_t threads = std::min<uint64_t>(count, static_cast<uint64_t>(std::max(execution.threads, 1)));
  team.run(threads, [&] { work.run([] {}); }, [&] { work.run(ask); });
  work.rethrow();
  if (!asked) ask();  // the others were quicker, and have done all there was
}

}  // namespace pysampler
