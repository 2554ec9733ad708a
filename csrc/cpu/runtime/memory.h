// Large arrays in huge pages: random reads then miss the translation cache a thousand times less often, and the first
// touch costs a page fault for 2 MB instead of 4 KB.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pysampler {

// Asks for huge pages for memory of someone else's that was not yet written to: its first touch then costs one page fault
// for 2 MB, not for 4 KB. Nothing happens to less than 4 MB, or where that is refused.
void prefer_huge_pages(void* data, size_t bytes);

// Owns `bytes` bytes, aligned to at least 64, contents unspecified. Throws std::bad_alloc.
class LargeBuffer {
 public:
  LargeBuffer() = default;
  explicit LargeBuffer(size_t bytes);
  ~LargeBuffer();
  LargeBuffer(LargeBuffer&& other) noexcept;
  LargeBuffer& operator=(LargeBuffer&& other) noexcept;
  LargeBuffer(const LargeBuffer&) = delete;
  LargeBuffer& operator=(const LargeBuffer&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace pysampler
