// One bit per item: has it been drawn?
#pragma once

#include <cstdint>
#include <vector>

#include "core/macros.h"

namespace pysampler {

class SeenBitmap {
 public:
  explicit SeenBitmap(uint64_t items) : words_((items + 63) / 64) {}

  // Marks an item. Returns 1 if it had not been seen, else 0.
  uint64_t add(uint64_t item) {
    uint64_t& word = words_[item / 64];
    const uint64_t before = word;
    word |= uint64_t{1} << item % 64;
    return ~before >> item % 64 & 1;
  }

  // To be called some items before add(item), so that its word is near by then.
  void prefetch(uint64_t item) const {
    prefetch_to_write(words_.data() + item / 64);
  }

  const uint64_t* words() const { return words_.data(); }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace pysampler
