// The lock of dynamic tables: who writes is alone, nobody is starved, and a forked child finds it free.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "check.h"
#include "cpu/runtime/fair_lock.h"

namespace pysampler {
namespace {

void test_writers_are_alone_and_readers_see_what_they_wrote() {
  FairLock lock;
  uint64_t first = 0, second = 0;  // plain: whoever reads or writes them without the lock is a race
  std::atomic<uint64_t> torn{0}, reads{0};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 3; ++writer) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3000; ++i) {
        const std::unique_lock<FairLock> writing(lock);
        ++first;
        ++second;
      }
    });
  }
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&] {
      for (int i = 0; i < 6000; ++i) {
        const std::shared_lock<FairLock> reading(lock);
        torn += first != second;
        reads += 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(torn == 0 && reads == 18'000);
  CHECK(first == 9000 && second == 9000);
}

void test_readers_read_together() {
  FairLock lock;
  std::atomic<int> inside{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      const std::shared_lock<FairLock> reading(lock);
      ++inside;
      while (inside < 3) std::this_thread::yield();  // for ever, if they came one by one
    });
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(inside == 3);
}

void test_a_writer_is_let_in_among_readers_that_never_pause() {
  FairLock lock;
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      // One overlaps the other, so that there is always somebody inside.
      while (!done) {
        const std::shared_lock<FairLock> reading(lock);
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    const std::unique_lock<FairLock> writing(lock);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(done);
}

void test_readers_are_let_in_among_writers_that_never_pause() {
  FairLock lock;
  std::atomic<bool> done{false};
  std::vector<std::thread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&] {
      while (!done) {
        const std::unique_lock<FairLock> writing(lock);
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    const std::shared_lock<FairLock> reading(lock);
  }
  done = true;
  for (std::thread& writer : writers) writer.join();
  CHECK(done);
}

#if !defined(__SANITIZE_THREAD__)
// A child has none of the threads that hold or await the lock.
void test_a_forked_child_finds_all_locks_free() {
  FairLock first, second;
  uint64_t value = 0, copy = 0;
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        {
          const std::unique_lock<FairLock> writing(first);
          ++value;
          std::this_thread::yield();
          ++copy;
        }
        const std::shared_lock<FairLock> reading(second);
      }
    });
  }
  for (int round = 0; round < 50; ++round) {
    FairLock::hold_all();
    const pid_t child = fork();
    if (child == 0) {
      FairLock::release_all_in_child();
      alarm(20);  // a lock that is never free ends the child, and fails the test
      bool whole = false;
      {
        const std::shared_lock<FairLock> reading(first);
        whole = value == copy;
      }
      const std::unique_lock<FairLock> writing(first);
      const std::unique_lock<FairLock> other(second);
      _exit(whole ? 0 : 1);
    }
    FairLock::release_all_in_parent();
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(value == copy);
}
#endif

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_writers_are_alone_and_readers_see_what_they_wrote);
  RUN(test_readers_read_together);
  RUN(test_a_writer_is_let_in_among_readers_that_never_pause);
  RUN(test_readers_are_let_in_among_writers_that_never_pause);
#if !defined(__SANITIZE_THREAD__)
  RUN(test_a_forked_child_finds_all_locks_free);
#endif
  return finish_tests();
}
