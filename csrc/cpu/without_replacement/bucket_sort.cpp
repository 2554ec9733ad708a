#include "cpu/without_replacement/bucket_sort.h"

#include <algorithm>
#include <array>

#include "core/macros.h"

namespace pysampler {
namespace {

constexpr int kMaxDigitBits = 11;
constexpr uint64_t kMaxDigits = uint64_t{1} << kMaxDigitBits;
constexpr int kExtraBits = 5;
constexpr uint64_t kSpansAhead = 6;  // blocks to fetch before they are read
static_assert(kSpansAhead <= RecordBuckets::kSpansBeyond);

// Bits shift ... shift + bits - 1 of a record.
struct Digit {
  int shift, bits;
  uint64_t of(uint64_t record) const { return record >> shift & ((uint64_t{1} << bits) - 1); }
};

using Counts = std::array<uint32_t, kMaxDigits>;

int bits_for(uint64_t count) {
  int bits = 0;
  while (bits < 40 && uint64_t{1} << bits < count) ++bits;
  return bits;
}

void prefetch_span(RecordSpan span) {
  for (uint64_t i = 0; i < span.count; i += 8) prefetch(span.records + i);
}

void counts_to_starts(Counts* counts, int bits) {
  uint32_t start = 0;
  for (uint64_t d = 0; d < uint64_t{1} << bits; ++d) {
    const uint32_t count = (*counts)[d];
    (*counts)[d] = start;
    start += count;
  }
}

// Records are in order but for neighbours: those that agree in all sorted digits.
void insertion_sort(uint64_t* records, uint64_t count) {
  for (uint64_t i = 1; i < count; ++i) {
    const uint64_t record = records[i];
    uint64_t j = i;
    for (; j > 0 && records[j - 1] > record; --j) records[j] = records[j - 1];
    records[j] = record;
  }
}

}  // namespace

// Two passes by digits, low one first, over the leading bits: five more than count `count`, so that few
// evenly spread records agree in them and little is left to the insertion sort.
uint64_t* BucketSorter::sort(const RecordSpan* begin, const RecordSpan* end, uint64_t count, int top, int bottom) {
  if (once_.size() < count) {
    once_.resize(count + count / 4);
    twice_.resize(count + count / 4);
  }
  const int bits = std::min({bits_for(count) + kExtraBits, top - bottom, 2 * kMaxDigitBits});
  const Digit low = {top - bits, bits / 2}, high = {top - bits + bits / 2, bits - bits / 2};
  Counts lows, highs;
  std::fill_n(lows.begin(), uint64_t{1} << low.bits, 0);
  std::fill_n(highs.begin(), uint64_t{1} << high.bits, 0);
  for (const RecordSpan* span = begin; span != end; ++span) {
    prefetch_span(span[kSpansAhead]);
    for (uint64_t i = 0; i < span->count; ++i) {
      ++lows[low.of(span->records[i])];
      ++highs[high.of(span->records[i])];
    }
  }
  counts_to_starts(&lows, low.bits);
  counts_to_starts(&highs, high.bits);
  uint64_t *once = once_.data(), *twice = twice_.data();
  for (const RecordSpan* span = begin; span != end; ++span) {
    for (uint64_t i = 0; i < span->count; ++i) {
      const uint64_t record = span->records[i];
      once[lows[low.of(record)]++] = record;
    }
  }
  for (uint64_t i = 0; i < count; ++i) twice[highs[high.of(once[i])]++] = once[i];
  insertion_sort(twice, count);
  return twice;
}

}  // namespace pysampler
