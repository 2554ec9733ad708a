#include "cpu/runtime/memory.h"

#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace pysampler {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;
constexpr std::align_val_t kAlignment{64};

bool deserves_huge_pages(size_t bytes) { return bytes >= kHugePageBytes; }

// A last huge page that would be half full or more is taken whole: its small pages would cost more page faults than all
// the rest of a table of a million items.
size_t with_last_huge_page(size_t bytes) {
  const size_t tail = bytes % kHugePageBytes;
  return tail < kHugePageBytes / 2 ? bytes : bytes - tail + kHugePageBytes;
}

}  // namespace

void prefer_huge_pages(void* data, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes < 2 * kHugePageBytes) return;
  const auto begin = reinterpret_cast<uintptr_t>(data), step = uintptr_t{kHugePageBytes};
  const uintptr_t first = (begin + step - 1) / step * step, end = (begin + bytes) / step * step;  // whole pages only
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#else
  (void)data, (void)bytes;
#endif
}

LargeBuffer::LargeBuffer(size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  if (!deserves_huge_pages(bytes)) {
    data_ = ::operator new(bytes, kAlignment);
    return;
  }
  const size_t room = with_last_huge_page(bytes);
  data_ = ::operator new(room, std::align_val_t{kHugePageBytes});
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  madvise(data_, room, MADV_HUGEPAGE);  // a wish: where it is refused everything works, slower
#endif
}

LargeBuffer::~LargeBuffer() {
  if (data_ == nullptr) return;
  ::operator delete(data_, deserves_huge_pages(bytes_) ? std::align_val_t{kHugePageBytes} : kAlignment);
}

LargeBuffer::LargeBuffer(LargeBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

LargeBuffer& LargeBuffer::operator=(LargeBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace pysampler
