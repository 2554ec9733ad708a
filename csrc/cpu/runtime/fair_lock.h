// A readers-writer lock under which nobody is starved: whoever waits is let in before those that come later. Two atomic
// operations for whoever need not wait. Also held over a fork(), so that the child does not inherit a lock of threads
// that it does not have.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>

namespace pysampler {

// Thrown where a thread would wait for itself.
struct UsedWithinItself : std::logic_error {
  using std::logic_error::logic_error;
};

class FairLock {
 public:
  FairLock();
  ~FairLock();
  FairLock(const FairLock&) = delete;
  FairLock& operator=(const FairLock&) = delete;

  // Both throw UsedWithinItself where they would wait for the thread that calls them.
  // Whether this thread holds the lock already matters only where somebody does: whoever finds it free has not asked for
  // a variable of the thread's own, which in a shared library costs more than the rest.
  void lock_shared() {
    const uint32_t before = state_.fetch_add(1, std::memory_order_acquire);
    if ((before & (kWriter | kWaiting)) != 0) wait_shared();
  }
  void unlock_shared() {
    const uint32_t before = state_.fetch_sub(1, std::memory_order_release);
    if ((before & kWaiting) != 0 && (before & ~(kWriter | kWaiting)) == 1) wake();
  }
  void lock() {
    uint32_t free = 0;
    if (!state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire)) wait_to_write();
  }
  void unlock() {
    const uint32_t before = state_.fetch_and(~kWriter, std::memory_order_release);
    if ((before & kWaiting) != 0) wake();
  }

  // While there is one, this thread holds the lock and runs somebody else's code, a signal handler: that may read with
  // those that read, and must not wait for itself.
  class Within {
   public:
    Within(const FairLock& lock, bool writing) : lock_(&lock), writing_(writing), outer_(within_) { within_ = this; }
    ~Within() { within_ = outer_; }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    friend class FairLock;
    const FairLock* lock_;
    bool writing_;
    const Within* outer_;
  };

  // All locks there are, held by this thread from before a fork() until after it. Waits for whoever holds one, but no
  // longer than this in all: a signal handler may fork in the middle of a call that holds one itself.
  static constexpr std::chrono::seconds kForkPatience{10};
  static void hold_all();
  // The same unless somebody would have to be waited for: then false, and none is held.
  static bool try_hold_all();
  static void release_all_in_parent();
  static void release_all_in_child();

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  static constexpr uint32_t kWriter = uint32_t{1} << 31;   // somebody writes
  static constexpr uint32_t kWaiting = uint32_t{1} << 30;  // somebody waits: newcomers queue up behind
  // Below: how many read, and those newcomers that are about to turn round.

  // What this thread holds of this lock already, nullptr if nothing.
  const Within* held_within() const;
  void wait_shared();
  void wait_to_write();
  bool wait(const Deadline* deadline);
  void wake();
  // Both with the mutex held.
  bool try_write();
  void leave_queue();

  static thread_local const Within* within_;

  std::atomic<uint32_t> state_{0};
  // Of those that wait, in the order of their tickets.
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t next_ticket_ = 0;
  uint64_t served_ = 0;
  // Of all locks.
  FairLock* next_ = nullptr;
  FairLock* previous_ = nullptr;
  bool held_over_fork_ = false;
};

}  // namespace pysampler
