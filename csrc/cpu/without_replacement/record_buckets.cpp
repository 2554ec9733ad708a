#include "cpu/without_replacement/record_buckets.h"

#include <cstring>
#include <utility>

#include "cpu/simd/target.h"

#if PYSAMPLER_SSE2_KERNELS
#include <emmintrin.h>
#endif

namespace pysampler {

RecordWriter::RecordWriter(uint64_t buckets, uint64_t slab_blocks)
    : lines_(buckets * kLineRecords * sizeof(uint64_t)), last_blocks_(buckets), slab_blocks_(slab_blocks) {
  for (uint64_t bucket = 0; bucket < buckets; ++bucket) line(bucket)[kCountSlot] = 0;
}

// Moves the line of the bucket's records first ... first + 7 to its block.
void RecordWriter::move_line(uint64_t bucket, uint64_t first) {
  if (first % kBlockRecords == 0) {
    const uint64_t i = buckets_of_blocks_.size();
    if (i == slabs_.size() * slab_blocks_) slabs_.emplace_back(slab_blocks_ * kBlockBytes);
    buckets_of_blocks_.push_back(static_cast<uint32_t>(bucket));
    last_blocks_[bucket] = block(i);
  }
  const uint64_t* from = line(bucket);
  uint64_t* to = last_blocks_[bucket] + first % kBlockRecords;
#if PYSAMPLER_SSE2_KERNELS
  // Past the caches: the line is whole, so nothing needs to be read first, and it is not needed again soon.
  for (uint64_t i = 0; i < kLineRecords; i += 2) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), _mm_load_si128(reinterpret_cast<const __m128i*>(from + i)));
  }
#else
  std::memcpy(to, from, kLineRecords * sizeof(uint64_t));
#endif
}

void RecordWriter::publish() const {
#if PYSAMPLER_SSE2_KERNELS
  _mm_sfence();  // streaming stores are not ordered by the locks that the threads use
#endif
}

namespace {

// Blocks to allocate at a time: a quarter of what is expected, as a power of two from 32 KB up to one huge page.
uint64_t slab_blocks_for(uint64_t expected_records) {
  uint64_t blocks = 64;
  while (blocks < 4096 && blocks * RecordWriter::kBlockRecords < expected_records / 4) blocks *= 2;
  return blocks;
}

}  // namespace

RecordBuckets::RecordBuckets(uint64_t buckets, uint64_t expected_records)
    : buckets_(buckets), slab_blocks_(slab_blocks_for(expected_records)) {}

RecordWriter& RecordBuckets::add_writer() {
  auto writer = std::make_unique<RecordWriter>(buckets_, slab_blocks_);
  const std::lock_guard<std::mutex> lock(mutex_);
  writers_.push_back(std::move(writer));
  return *writers_.back();
}

void RecordBuckets::seal() {
  offsets_.assign(buckets_ + 1, 0);
  first_spans_.assign(buckets_ + 1, 0);
  for (const auto& writer : writers_) {
    writer->for_each_span([&](uint64_t bucket, RecordSpan span) {
      offsets_[bucket + 1] += span.count;
      ++first_spans_[bucket + 1];
    });
  }
  for (uint64_t b = 0; b < buckets_; ++b) {
    offsets_[b + 1] += offsets_[b];
    first_spans_[b + 1] += first_spans_[b];
  }
  spans_.assign(first_spans_[buckets_] + kSpansBeyond, RecordSpan{nullptr, 0});
  std::vector<uint64_t> next(first_spans_.begin(), first_spans_.end() - 1);
  for (const auto& writer : writers_) {
    writer->for_each_span([&](uint64_t bucket, RecordSpan span) { spans_[next[bucket]++] = span; });
  }
}

}  // namespace pysampler
