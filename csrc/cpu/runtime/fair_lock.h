// A readers-writer lock under which writers are not starved: whoever waits is let in before those that come later.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace pysampler {

class FairLock {
 public:
  // A reader stands at the gate only for as long as a writer holds or awaits the lock.
  void lock_shared() {
    const std::lock_guard<std::mutex> gate(gate_);
    lock_.lock_shared();
  }
  void unlock_shared() { lock_.unlock_shared(); }
  void lock() {
    const std::lock_guard<std::mutex> gate(gate_);
    lock_.lock();
  }
  void unlock() { lock_.unlock(); }

 private:
  std::mutex gate_;
  std::shared_mutex lock_;
};

}  // namespace pysampler
