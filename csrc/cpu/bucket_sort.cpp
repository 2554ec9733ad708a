#include "bucket_sort.h"

#include <algorithm>
#ifndef MODE
#define MODE 2
#endif
#ifndef EXTRA
#define EXTRA 3
#endif

namespace pysampler {
namespace {

int bits_for(uint64_t count) {
  int bits = 0;
  while (uint64_t{1} << bits < count) ++bits;
  return bits;
}

void insertion_sort(uint64_t* records, uint64_t count) {
  for (uint64_t i = 1; i < count; ++i) {
    const uint64_t record = records[i];
    uint64_t j = i;
    for (; j > 0 && records[j - 1] > record; --j) records[j] = records[j - 1];
    records[j] = record;
  }
}

}  // namespace

uint64_t* BucketSorter::sort(const RecordSpan* begin, const RecordSpan* end, uint64_t count, int key_end) {
  if (a_.size() < count) { a_.resize(count + count / 4); b_.resize(count + count / 4); }
  const int bits = std::min(bits_for(count) + EXTRA, key_end - 32);
#if MODE == 1
  const uint64_t bins = uint64_t{1} << bits; const int shift = key_end - bits;
  starts_.assign(bins + 1, 0);
  for (const RecordSpan* s = begin; s != end; ++s) for (uint64_t i = 0; i < s->count; ++i) ++starts_[(s->records[i] >> shift & (bins - 1)) + 1];
  for (uint64_t i = 0; i < bins; ++i) starts_[i + 1] += starts_[i];
  for (const RecordSpan* s = begin; s != end; ++s) for (uint64_t i = 0; i < s->count; ++i) { const uint64_t r = s->records[i]; a_[starts_[r >> shift & (bins - 1)]++] = r; }
  insertion_sort(a_.data(), count);
  return a_.data();
#elif MODE == 2
  const int low = bits / 2, high = bits - low; const int s0 = key_end - bits, s1 = s0 + low;
  const uint64_t m0 = (1u << low) - 1, m1 = (1u << high) - 1;
  starts_.assign((2u << high) , 0);
  uint32_t* h0 = starts_.data(); uint32_t* h1 = h0 + (1u << high);
  for (const RecordSpan* s = begin; s != end; ++s) for (uint64_t i = 0; i < s->count; ++i) { const uint64_t r = s->records[i]; ++h0[r >> s0 & m0]; ++h1[r >> s1 & m1]; }
  uint32_t c0 = 0, c1 = 0;
  for (uint64_t i = 0; i <= m0; ++i) { const uint32_t t = h0[i]; h0[i] = c0; c0 += t; }
  for (uint64_t i = 0; i <= m1; ++i) { const uint32_t t = h1[i]; h1[i] = c1; c1 += t; }
  uint64_t* a = a_.data(); uint64_t* b = b_.data();
  for (const RecordSpan* s = begin; s != end; ++s) for (uint64_t i = 0; i < s->count; ++i) { const uint64_t r = s->records[i]; a[h0[r >> s0 & m0]++] = r; }
  for (uint64_t i = 0; i < count; ++i) { const uint64_t r = a[i]; b[h1[r >> s1 & m1]++] = r; }
  insertion_sort(b, count);
  return b;
#else
  uint64_t n = 0; for (const RecordSpan* s = begin; s != end; ++s) for (uint64_t i = 0; i < s->count; ++i) a_[n++] = s->records[i];
  std::sort(a_.data(), a_.data() + n); return a_.data();
#endif
}

}  // namespace pysampler
