#include "cpu/runtime/thread_team.h"

#include <chrono>
#include <exception>

namespace pysampler {
namespace {

// Longer than what lies between two loops of a call, shorter than what anybody would miss.
constexpr auto kPatience = std::chrono::microseconds(50);

// Waits a little for `holds`, while others may have the processor.
template <class Condition>
void wait_a_little(Condition holds) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!holds() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
}

}  // namespace

ThreadTeam::~ThreadTeam() {
  if (helpers_.empty()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    ++postings_;
  }
  posted_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadTeam::run(uint64_t threads, const std::function<void()>& theirs, const std::function<void()>& own) {
  if (threads <= 1) return own();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    job_ = &theirs;
    places_ = threads - 1;
    ++postings_;
  }
  posted_.notify_all();
  start(threads - 1);
  own();
  wait_for_the_others();
}

void ThreadTeam::start(uint64_t helpers) {
  try {
    while (helpers_.size() < helpers) helpers_.emplace_back([this] { help(); });
  } catch (const std::exception&) {
    // No more threads or memory: those that started, and the caller, do all the work.
  }
}

void ThreadTeam::wait_for_the_others() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    job_ = nullptr;  // whoever has not come yet need not
  }
  const auto all_left = [this] { return inside_.load(std::memory_order_acquire) == 0; };
  wait_a_little(all_left);
  std::unique_lock<std::mutex> lock(mutex_);
  left_.wait(lock, all_left);
}

void ThreadTeam::help() {
  uint64_t seen = 0;
  const auto is_posted = [&] { return postings_.load(std::memory_order_relaxed) != seen; };
  for (;;) {
    wait_a_little(is_posted);
    std::unique_lock<std::mutex> lock(mutex_);
    posted_.wait(lock, is_posted);
    seen = postings_;
    if (ended_) return;
    if (job_ == nullptr || places_ == 0) continue;
    --places_;
    ++inside_;
    const std::function<void()>& job = *job_;
    lock.unlock();
    job();
    lock.lock();
    if (--inside_ == 0) left_.notify_one();
  }
}

}  // namespace pysampler
