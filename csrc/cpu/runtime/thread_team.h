// Threads that are started once for several loops of one call. To start a thread took 35 us, to be woken when one has ended
// 27 us (a virtual machine), which is much beside a loop of 100 us.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pysampler {

// Belongs to the thread that makes it, which runs one job at a time. The others sleep between jobs, after a short wait, and
// end with the team.
class ThreadTeam {
 public:
  ThreadTeam() = default;
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  // Calls own() here, and at the same time theirs(), once each, on up to `threads` - 1 others: those that come before own()
  // has returned. Returns when all have. Neither may throw. Threads are started as they are wanted; if the system has none
  // to give, with those that there are.
  void run(uint64_t threads, const std::function<void()>& theirs, const std::function<void()>& own);

 private:
  void help();
  void start(uint64_t helpers);
  void wait_for_the_others();

  std::vector<std::thread> helpers_;
  std::mutex mutex_;
  std::condition_variable posted_, left_;
  // Guarded; the atomic ones are also read while waiting.
  const std::function<void()>* job_ = nullptr;
  uint64_t places_ = 0;               // how many more may take the job
  std::atomic<uint64_t> inside_{0};   // how many are at it
  std::atomic<uint64_t> postings_{0};  // of jobs, and of the end
  bool ended_ = false;
};

}  // namespace pysampler
