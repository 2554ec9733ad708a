// Threads that stay for several loops: all work is done, by no more than were asked for, and nobody is waited for in vain.
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#if defined(__GLIBC__)
#include <pthread.h>
#endif

#include "check.h"
#include "cpu/runtime/parallel.h"
#include "cpu/runtime/thread_team.h"

namespace pysampler {
namespace {

using std::chrono::milliseconds;

struct TaskError {};

Execution with_team(ThreadTeam& team, int threads) {
  Execution execution = {threads, {}};
  execution.team = &team;
  return execution;
}

void test_loops_of_one_team_do_every_task_once_and_see_the_last_ones_results() {
  for (const int threads : {1, 2, 5}) {
    ThreadTeam team;
    std::vector<uint64_t> numbers(300);  // not atomic: TSan sees any race
    for (uint64_t loop = 0; loop < 200; ++loop) {
      parallel_for(numbers.size(), with_team(team, threads), [&](uint64_t i) { numbers[i] += i + loop; });
    }
    for (uint64_t i = 0; i < numbers.size(); ++i) CHECK(numbers[i] == 200 * i + 199 * 200 / 2);
  }
}

void test_the_same_threads_come_to_every_loop() {
  ThreadTeam team;
  std::mutex mutex;
  std::set<std::thread::id> ids;
  for (int loop = 0; loop < 20; ++loop) {
    std::atomic<int> come{0};
    const auto wait_for_all = [&] {
      {
        const std::lock_guard<std::mutex> lock(mutex);
        ids.insert(std::this_thread::get_id());
      }
      ++come;
      while (come < 3) std::this_thread::yield();
    };
    team.run(3, wait_for_all, wait_for_all);
    CHECK(come == 3);
  }
  CHECK(ids.size() == 3);
}

void test_a_job_for_fewer_threads_is_left_to_fewer() {
  ThreadTeam team;
  std::atomic<int> come{0};
  const auto come_all = [&] {
    ++come;
    while (come < 4) std::this_thread::yield();
  };
  team.run(4, come_all, come_all);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> others{0};
    team.run(2, [&] { ++others; }, [] { std::this_thread::sleep_for(std::chrono::microseconds(200)); });
    CHECK(others <= 1);
  }
}

void test_jobs_after_a_long_rest_are_heard() {
  ThreadTeam team;
  for (int round = 0; round < 5; ++round) {
    std::atomic<bool> heard{false};
    team.run(2, [&] { heard = true; },
             [&] {
               while (!heard) std::this_thread::yield();
             });
    CHECK(heard);
    std::this_thread::sleep_for(milliseconds(5));  // long enough to fall asleep
  }
}

void test_who_came_is_waited_for_and_who_did_not_is_not() {
  ThreadTeam team;
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> inside{0};
    team.run(8, [&] { ++inside, std::this_thread::yield(), --inside; }, [] {});
    CHECK(inside == 0);
  }
}

void test_a_team_that_never_worked_ends() { const ThreadTeam team; }

void test_exceptions_and_interrupts_leave_the_team_fit_for_work() {
  ThreadTeam team;
  Execution execution = with_team(team, 3);
  for (int round = 0; round < 20; ++round) {
    CHECK(THROWS(parallel_for(100, execution, [](uint64_t task) { if (task == 7) throw TaskError{}; }), TaskError));
    execution.interrupt = [] { return true; };
    CHECK(THROWS(parallel_for(100, execution, [](uint64_t) {}), Interrupted));
    execution.interrupt = {};
    std::atomic<int> ran{0};
    parallel_for(100, execution, [&](uint64_t) { ++ran; });
    CHECK(ran == 100);
  }
}

#if defined(__GLIBC__)
void test_without_further_threads_the_caller_works_alone() {
  pthread_attr_t attributes;
  size_t usual = 0;
  CHECK(pthread_getattr_default_np(&attributes) == 0);
  pthread_attr_getstacksize(&attributes, &usual);
  pthread_attr_setstacksize(&attributes, size_t{1} << 60);  // larger than any address space
  CHECK(pthread_setattr_default_np(&attributes) == 0);
  {
    ThreadTeam team;
    std::atomic<int> ran{0};
    parallel_for(50, with_team(team, 4), [&](uint64_t) { ++ran; });
    CHECK(ran == 50);
  }
  pthread_attr_setstacksize(&attributes, usual);
  CHECK(pthread_setattr_default_np(&attributes) == 0);
  pthread_attr_destroy(&attributes);
}
#else
void test_without_further_threads_the_caller_works_alone() {
  skip("no further thread", "only with glibc do the tests know how to have threads refused");
}
#endif

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_loops_of_one_team_do_every_task_once_and_see_the_last_ones_results);
  RUN(test_the_same_threads_come_to_every_loop);
  RUN(test_a_job_for_fewer_threads_is_left_to_fewer);
  RUN(test_jobs_after_a_long_rest_are_heard);
  RUN(test_who_came_is_waited_for_and_who_did_not_is_not);
  RUN(test_a_team_that_never_worked_ends);
  RUN(test_exceptions_and_interrupts_leave_the_team_fit_for_work);
  RUN(test_without_further_threads_the_caller_works_alone);
  return finish_tests();
}
