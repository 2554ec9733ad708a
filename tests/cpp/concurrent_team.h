// Blocks of threads that work together, each of them a thread of the CPU: as on a GPU, some are ahead of others, and
// only barriers hold them. ThreadSanitizer then sees races that a GPU could have.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "cuda/team.h"

namespace pysampler {

class Barrier {
 public:
  explicit Barrier(uint32_t threads) : threads_(threads), missing_(threads) {}

  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const uint64_t round = round_;
    if (--missing_ == 0) {
      missing_ = threads_;
      ++round_;
      all_here_.notify_all();
    } else {
      all_here_.wait(lock, [&] { return round != round_; });
    }
  }

 private:
  const uint32_t threads_;
  uint32_t missing_;
  uint64_t round_ = 0;
  std::mutex mutex_;
  std::condition_variable all_here_;
};

// One thread's view of its block.
template <uint32_t kThreadCount>
class ConcurrentTeam {
 public:
  static constexpr uint32_t kThreads = kThreadCount;
  template <class T>
  struct Own {
    T value;
    T& operator[](uint32_t) { return value; }
  };

  ConcurrentTeam(uint32_t block, uint32_t thread, Barrier& barrier) : block_(block), thread_(thread), barrier_(barrier) {}

  uint32_t block() const { return block_; }
  void barrier() { barrier_.wait(); }
  template <class Step>
  void each(Step step) {
    step(thread_);
    barrier();
  }

 private:
  const uint32_t block_, thread_;
  Barrier& barrier_;
};

// Runs a body as a launch of so many blocks would, a block at a time.
template <class Body>
void run_team_on_threads(const Body& body, uint32_t blocks) {
  const std::unique_ptr<typename Body::Shared> shared(new typename Body::Shared);
  for (uint32_t block = 0; block < blocks; ++block) {
    std::memset(static_cast<void*>(shared.get()), 0xA5, sizeof *shared);
    Barrier barrier(Body::kThreads);
    std::vector<std::thread> threads;
    for (uint32_t thread = 0; thread < Body::kThreads; ++thread) {
      threads.emplace_back([&, block, thread] {
        ConcurrentTeam<Body::kThreads> team(block, thread, barrier);
        body(team, *shared);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace pysampler
