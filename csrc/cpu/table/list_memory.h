// Memory for the lists that a construction keeps until its end: lists of tasks, of which few are long and some are as long
// as can be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "cpu/runtime/memory.h"
#include "cpu/table/leftovers.h"

namespace pysampler {

// What all threads have taken; it lives as long as this.
class ListMemory {
 public:
  // Room for that many numbers, contents unspecified. Any thread may ask. Throws std::bad_alloc.
  uint32_t* take(size_t numbers) {
    LargeBuffer room(numbers * sizeof(uint32_t));
    const std::lock_guard<std::mutex> lock(mutex_);
    rooms_.push_back(std::move(room));
    return rooms_.back().as<uint32_t>();
  }

 private:
  std::mutex mutex_;
  std::vector<LargeBuffer> rooms_;
};

// One thread's lists, one after the other. It starts with a small room of its own, in memory that is there anyway, and takes
// ever larger ones: small tables ask for none, and long lists get huge pages.
class ListWriter {
 public:
  explicit ListWriter(ListMemory& memory) : memory_(&memory) {}
  ListWriter(const ListWriter&) = delete;
  ListWriter& operator=(const ListWriter&) = delete;

  // Where the next numbers go, at most so many; then say where they end.
  uint32_t* next(size_t numbers) {
    if (static_cast<size_t>(room_end_ - end_) < numbers) move(numbers);
    return end_;
  }
  void set_end(uint32_t* end) { end_ = end; }

  // The numbers since the last list. They stay where they are until the memory goes, or this.
  ItemList take_list() {
    const ItemList list = {begin_, static_cast<size_t>(end_ - begin_)};
    begin_ = end_;
    return list;
  }

 private:
  static constexpr size_t kFirst = 12 << 10, kLargest = size_t{1} << 20;  // 48 KB; 4 MB

  void move(size_t numbers) {
    const auto held = static_cast<size_t>(end_ - begin_);
    room_size_ = std::max(std::min(2 * room_size_, kLargest), 2 * held + numbers);
    uint32_t* const room = memory_->take(room_size_);
    end_ = std::copy(begin_, end_, room);
    begin_ = room;
    room_end_ = room + room_size_;
  }

  ListMemory* memory_;
  uint32_t first_room_[kFirst];
  size_t room_size_ = kFirst;
  uint32_t *begin_ = first_room_, *end_ = first_room_, *room_end_ = first_room_ + kFirst;
};

}  // namespace pysampler
