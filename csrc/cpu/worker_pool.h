// Scratch that the tasks of parallel_for share: never more pieces than threads that run at once.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace pysampler {

template <class T>
class WorkerPool {
 public:
  // Holds a piece until it is destroyed.
  class Lease {
   public:
    Lease(WorkerPool* pool, T* piece) : pool_(pool), piece_(piece) {}
    ~Lease() { pool_->give_back(piece_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    T& operator*() const { return *piece_; }
    T* operator->() const { return piece_; }

   private:
    WorkerPool* pool_;
    T* piece_;
  };

  // An idle piece, or make() if there is none.
  template <class Make>
  Lease take(Make make) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.empty()) {
      idle_.reserve(all_.size() + 1);  // so that give_back cannot throw
      all_.push_back(std::make_unique<T>(make()));
      return Lease(this, all_.back().get());
    }
    T* piece = idle_.back();
    idle_.pop_back();
    return Lease(this, piece);
  }

  const std::vector<std::unique_ptr<T>>& all() const { return all_; }

 private:
  void give_back(T* piece) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(piece);
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> all_;
  std::vector<T*> idle_;
};

}  // namespace pysampler
