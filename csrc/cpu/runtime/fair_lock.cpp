#include "cpu/runtime/fair_lock.h"

#include <new>

namespace pysampler {
namespace {

[[noreturn]] void refuse() { throw UsedWithinItself("this thread is in the middle of a call of the same table"); }

std::mutex registry_mutex;
FairLock* first_lock = nullptr;

}  // namespace

thread_local const FairLock::Within* FairLock::within_ = nullptr;

const FairLock::Within* FairLock::held_within() const {
  const Within* held = within_;
  while (held != nullptr && held->lock_ != this) held = held->outer_;
  return held;
}

FairLock::FairLock() {
  const std::lock_guard<std::mutex> registering(registry_mutex);
  next_ = first_lock;
  if (next_ != nullptr) next_->previous_ = this;
  first_lock = this;
}

FairLock::~FairLock() {
  const std::lock_guard<std::mutex> registering(registry_mutex);
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : first_lock) = next_;
}

// A newcomer that has counted itself in although it must queue up.
void FairLock::wait_shared() {
  const Within* const held = held_within();
  if (held != nullptr && !held->writing_) return;  // nobody writes while this thread reads, whoever waits to do so
  std::unique_lock<std::mutex> queue(mutex_);
  state_.fetch_sub(1, std::memory_order_relaxed);
  changed_.notify_all();  // a writer may have waited for just this one
  if (held != nullptr) refuse();
  const uint64_t ticket = next_ticket_++;
  state_.fetch_or(kWaiting, std::memory_order_relaxed);
  changed_.wait(queue, [&] { return served_ == ticket && (state_.load(std::memory_order_relaxed) & kWriter) == 0; });
  // While somebody waits, nobody can begin to write but with the mutex held.
  state_.fetch_add(1, std::memory_order_acquire);
  leave_queue();
}

void FairLock::wait_to_write() {
  if (held_within() != nullptr) refuse();
  wait(nullptr);
}

bool FairLock::try_write() {
  uint32_t nobody = kWaiting;
  return state_.compare_exchange_strong(nobody, kWaiting | kWriter, std::memory_order_acquire);
}

// False if the deadline, if there is one, came first.
bool FairLock::wait(const Deadline* deadline) {
  std::unique_lock<std::mutex> queue(mutex_);
  // With a deadline nobody may be left behind a ticket that is given up: it takes none, and its turn when it comes.
  const uint64_t ticket = deadline == nullptr ? next_ticket_++ : 0;
  const auto entered = [&] {
    const bool turn = deadline == nullptr ? served_ == ticket : served_ == next_ticket_;
    state_.fetch_or(kWaiting, std::memory_order_relaxed);
    return turn && try_write();
  };
  bool done = true;
  if (deadline == nullptr) {
    changed_.wait(queue, entered);
    ++served_;
  } else {
    done = changed_.wait_until(queue, *deadline, entered);
  }
  if (served_ == next_ticket_) state_.fetch_and(~kWaiting, std::memory_order_relaxed);
  changed_.notify_all();
  return done;
}

void FairLock::leave_queue() {
  if (++served_ == next_ticket_) state_.fetch_and(~kWaiting, std::memory_order_relaxed);
  changed_.notify_all();
}

void FairLock::wake() {
  const std::lock_guard<std::mutex> queue(mutex_);
  changed_.notify_all();
}

bool FairLock::try_hold_all() {
  if (!registry_mutex.try_lock()) return false;
  for (FairLock* lock = first_lock; lock != nullptr; lock = lock->next_) {
    uint32_t free = 0;
    lock->held_over_fork_ = lock->state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire);
    if (lock->held_over_fork_) continue;
    release_all_in_parent();
    return false;
  }
  return true;
}

void FairLock::hold_all() {
  registry_mutex.lock();
  const Deadline deadline = std::chrono::steady_clock::now() + kForkPatience;
  for (FairLock* lock = first_lock; lock != nullptr; lock = lock->next_) {
    uint32_t free = 0;
    lock->held_over_fork_ =
        lock->state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire) || lock->wait(&deadline);
  }
}

void FairLock::release_all_in_parent() {
  for (FairLock* lock = first_lock; lock != nullptr; lock = lock->next_) {
    if (lock->held_over_fork_) lock->unlock();
    lock->held_over_fork_ = false;
  }
  registry_mutex.unlock();
}

// Here are none of the threads that waited, and the mutexes may have been held by one of them.
void FairLock::release_all_in_child() {
  for (FairLock* lock = first_lock; lock != nullptr; lock = lock->next_) {
    if (!lock->held_over_fork_) continue;
    lock->held_over_fork_ = false;
    new (&lock->mutex_) std::mutex;
    new (&lock->changed_) std::condition_variable;
    lock->next_ticket_ = lock->served_ = 0;
    lock->state_.store(0, std::memory_order_release);
  }
  registry_mutex.unlock();
}

}  // namespace pysampler
