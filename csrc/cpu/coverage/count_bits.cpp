#include "cpu/coverage/count_bits.h"

#include <atomic>

namespace pysampler {
namespace {

constexpr uint64_t kWordsPerTask = 1 << 17;

// Plain arithmetic, which compilers vectorise: not every processor of the baseline has an instruction for it.
inline uint64_t bits_of(uint64_t word) {
  word -= word >> 1 & 0x5555555555555555u;
  word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
  word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
  word += word >> 8;
  word += word >> 16;
  word += word >> 32;
  return word & 0x7F;
}

uint64_t count_range(const uint64_t* bitmap, const uint64_t* other, uint64_t words) {
  uint64_t sum = 0;
  if (other == nullptr) {
    for (uint64_t i = 0; i < words; ++i) sum += bits_of(bitmap[i]);
  } else {
    for (uint64_t i = 0; i < words; ++i) sum += bits_of(bitmap[i] | other[i]);
  }
  return sum;
}

}  // namespace

uint64_t count_bits(const uint64_t* bitmap, const uint64_t* other, uint64_t words, const Execution& execution) {
  std::atomic<uint64_t> sum{0};
  parallel_ranges(words, kWordsPerTask, execution, [&](uint64_t first, uint64_t end) {
    sum += count_range(bitmap + first, other == nullptr ? nullptr : other + first, end - first);
  });
  return sum;
}

}  // namespace pysampler
