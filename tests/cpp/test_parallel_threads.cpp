// parallel_for: every task once, whatever happens.
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__GLIBC__)
#include <pthread.h>
#endif

#include "check.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {
namespace {

using std::chrono::milliseconds;

struct Unusual {  // tasks may throw anything, not only std::exception
  uint64_t task;
};

// Runs `count` tasks and returns whether each ran exactly once.
bool each_runs_once(uint64_t count, const Execution& execution) {
  std::vector<std::atomic<int>> runs(count);
  parallel_for(count, execution, [&](uint64_t task) { ++runs.at(task); });
  for (const std::atomic<int>& times : runs) {
    if (times != 1) return false;
  }
  return true;
}

void test_every_task_runs_exactly_once() {
  for (const int threads : {-1, 0, 1, 2, 3, 8, 64}) {
    for (const uint64_t count : {0, 1, 2, 3, 7, 100, 10000}) {
      CHECK(each_runs_once(count, {threads, {}}));
      CHECK(each_runs_once(count, {threads, [] { return false; }}));
    }
  }
}

void test_every_worker_makes_one_task_of_its_own() {
  for (const int threads : {1, 4}) {
    std::atomic<int> made{0};
    std::vector<std::atomic<int>> runs(3000);
    parallel_for_workers(runs.size(), {threads, {}}, [&] {
      ++made;
      uint64_t scratch = 0;  // copied along with the task, never shared: TSan would see it
      return Task([&runs, scratch](uint64_t task) mutable {
        scratch += task;
        ++runs.at(task);
      });
    });
    CHECK(made >= 1 && made <= threads);
    for (const std::atomic<int>& times : runs) CHECK(times == 1);
  }
  parallel_for_workers(0, {4, {}}, []() -> Task { throw std::runtime_error("nothing to do"); });
  CHECK(THROWS(parallel_for_workers(9, {4, {}}, []() -> Task { throw std::runtime_error("no scratch"); }),
               std::runtime_error));
}

void test_results_of_tasks_are_visible_to_the_caller() {
  std::vector<uint64_t> squares(5000);  // not atomic: TSan sees any race
  parallel_for(squares.size(), {4, {}}, [&](uint64_t task) { squares[task] = task * task; });
  for (uint64_t i = 0; i < squares.size(); ++i) CHECK(squares[i] == i * i);
}

void test_one_thread_means_the_caller_itself() {
  std::vector<std::thread::id> ids(10);
  parallel_for(ids.size(), {1, {}}, [&](uint64_t task) { ids[task] = std::this_thread::get_id(); });
  for (const std::thread::id id : ids) CHECK(id == std::this_thread::get_id());
}

void test_never_more_threads_than_asked_for() {
  std::atomic<int> inside{0}, most{0};
  parallel_for(200, {3, {}}, [&](uint64_t) {
    const int now = ++inside;
    for (int known = most; known < now && !most.compare_exchange_weak(known, now);) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    --inside;
  });
  CHECK(most >= 1 && most <= 3);
}

void test_an_exception_of_a_task_reaches_the_caller_and_stops_the_rest() {
  for (const int threads : {1, 2, 8}) {
    std::atomic<uint64_t> ran{0};
    uint64_t thrown_by = 0;
    try {
      parallel_for(100000, {threads, {}}, [&](uint64_t task) {
        ++ran;
        if (task == 10) throw Unusual{task};
        std::this_thread::sleep_for(std::chrono::microseconds(1));
      });
    } catch (const Unusual& error) {
      thrown_by = error.task;
    }
    CHECK(thrown_by == 10);
    CHECK(ran < 100000);
  }
}

void test_only_one_of_many_exceptions_reaches_the_caller() {
  for (int round = 0; round < 50; ++round) {
    CHECK(THROWS(parallel_for(100, {8, {}}, [](uint64_t) { throw std::runtime_error("each of them"); }),
                 std::runtime_error));
  }
}

void test_an_interrupt_stops_the_work() {
  for (const int threads : {1, 3}) {
    const auto caller = std::this_thread::get_id();
    bool only_caller = true;
    std::atomic<uint64_t> ran{0};
    const Interrupt interrupt = [&] {
      only_caller = only_caller && std::this_thread::get_id() == caller;
      return ran > 20;
    };
    const auto started = std::chrono::steady_clock::now();
    CHECK(THROWS(parallel_for(100000, {threads, interrupt},
                              [&](uint64_t) {
                                ++ran;
                                std::this_thread::sleep_for(milliseconds(2));
                              }),
                 Interrupted));
    CHECK(only_caller);
    CHECK(ran < 100000);
    CHECK(std::chrono::steady_clock::now() - started < milliseconds(5000));
  }
}

// The other thread does everything before the caller gets to work, as a busy machine may have it.
void test_an_interrupt_is_heard_though_others_were_quicker() {
  const auto caller = std::this_thread::get_id();
  const auto run = [&](const Interrupt& interrupt) {
    std::atomic<int> done{0}, done_by_caller{0};
    parallel_for_workers(4, {2, interrupt}, [&]() -> Task {
      while (std::this_thread::get_id() == caller && done < 4) std::this_thread::yield();
      return [&](uint64_t) {
        if (std::this_thread::get_id() == caller) ++done_by_caller;
        ++done;
      };
    });
    CHECK(done == 4 && done_by_caller == 0);
  };
  CHECK(THROWS(run([] { return true; }), Interrupted));
  run([] { return false; });
}

void test_an_exception_of_the_interrupt_reaches_the_caller() {
  const Interrupt interrupt = []() -> bool { throw Unusual{1}; };
  CHECK(THROWS(parallel_for(100000, {2, interrupt}, [](uint64_t) { std::this_thread::sleep_for(milliseconds(2)); }),
               Unusual));
}

#if defined(__GLIBC__)
// A stack larger than any address space: the system refuses every further thread.
void refuse_threads(bool refuse) {
  static size_t usual = 0;
  pthread_attr_t attributes;
  CHECK(pthread_getattr_default_np(&attributes) == 0);
  if (usual == 0) pthread_attr_getstacksize(&attributes, &usual);
  CHECK(pthread_attr_setstacksize(&attributes, refuse ? size_t{1} << 60 : usual) == 0);
  CHECK(pthread_setattr_default_np(&attributes) == 0);
  pthread_attr_destroy(&attributes);
}

void test_the_caller_does_all_the_work_when_no_thread_can_start() {
  refuse_threads(true);
  CHECK(THROWS(std::thread([] {}), std::system_error));
  CHECK(each_runs_once(1000, {8, {}}));
  CHECK(THROWS(parallel_for(10, {8, {}}, [](uint64_t) { throw Unusual{0}; }), Unusual));
  refuse_threads(false);
  CHECK(each_runs_once(1000, {8, {}}));
}
#else
void test_the_caller_does_all_the_work_when_no_thread_can_start() {
  skip("no further thread", "only with glibc do the tests know how to have threads refused");
}
#endif

void test_calls_can_be_nested_and_simultaneous() {
  std::atomic<uint64_t> sum{0};
  parallel_for(8, {4, {}}, [&](uint64_t outer) {
    parallel_for(100, {3, {}}, [&](uint64_t inner) { sum += outer * 100 + inner; });
  });
  CHECK(sum == 800 * 799 / 2);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_every_task_runs_exactly_once);
  RUN(test_every_worker_makes_one_task_of_its_own);
  RUN(test_results_of_tasks_are_visible_to_the_caller);
  RUN(test_one_thread_means_the_caller_itself);
  RUN(test_never_more_threads_than_asked_for);
  RUN(test_an_exception_of_a_task_reaches_the_caller_and_stops_the_rest);
  RUN(test_only_one_of_many_exceptions_reaches_the_caller);
  RUN(test_an_interrupt_stops_the_work);
  RUN(test_an_interrupt_is_heard_though_others_were_quicker);
  RUN(test_an_exception_of_the_interrupt_reaches_the_caller);
  RUN(test_the_caller_does_all_the_work_when_no_thread_can_start);
  RUN(test_calls_can_be_nested_and_simultaneous);
  return finish_tests();
}
