// Arrays too large for the machine, for tests that read few places of them: the same pages over and over again.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

// `bytes` bytes of address space in which every piece of kPieceBytes is the same memory.
class RepeatedMemory {
 public:
  static constexpr uint64_t kPieceBytes = uint64_t{64} << 20;

  explicit RepeatedMemory(uint64_t bytes) : bytes_((bytes + kPieceBytes - 1) / kPieceBytes * kPieceBytes) {
    const int file = memfd_create("repeated", 0);
    if (file < 0) return;
    void* start = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool complete = start != MAP_FAILED && ftruncate(file, kPieceBytes) == 0;
    for (uint64_t done = 0; complete && done < bytes_; done += kPieceBytes) {
      complete = mmap(static_cast<char*>(start) + done, kPieceBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                      file, 0) != MAP_FAILED;
    }
    close(file);
    if (start != MAP_FAILED && !complete) munmap(start, bytes_);
    if (complete) start_ = start;
  }
  ~RepeatedMemory() {
    if (start_ != nullptr) munmap(start_, bytes_);
  }
  RepeatedMemory(const RepeatedMemory&) = delete;
  RepeatedMemory& operator=(const RepeatedMemory&) = delete;

  // Null if the system refused.
  template <class T>
  T* as() const {
    return static_cast<T*>(start_);
  }
  template <class T>
  static constexpr uint64_t period() {
    return kPieceBytes / sizeof(T);
  }

 private:
  uint64_t bytes_;
  void* start_ = nullptr;
};
