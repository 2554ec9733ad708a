#include "record_buckets.h"

#include <algorithm>

namespace pysampler {

uint64_t* RecordWriter::new_block(uint64_t bucket) {
  const uint64_t i = buckets_of_blocks_.size();
  if (i == slabs_.size() * slab_blocks_) slabs_.emplace_back((slab_blocks_ + 1) * kBlockBytes);  // + 1: for alignment
  buckets_of_blocks_.push_back(static_cast<uint32_t>(bucket));
  return block(i);
}

RecordBuckets::RecordBuckets(uint64_t buckets, uint64_t expected_records)
    : buckets_(buckets), slab_blocks_(std::clamp<uint64_t>(expected_records / 256 + buckets, 64, 8192)) {}

void RecordBuckets::seal() {
  offsets_.assign(buckets_ + 1, 0);
  first_span_.assign(buckets_ + 1, 0);
  for (const auto& writer : pool_.all()) {
    writer->for_each_block([&](uint64_t bucket, const uint64_t*, uint64_t count) {
      offsets_[bucket + 1] += count;
      ++first_span_[bucket + 1];
    });
  }
  for (uint64_t b = 0; b < buckets_; ++b) {
    offsets_[b + 1] += offsets_[b];
    first_span_[b + 1] += first_span_[b];
  }
  total_ = offsets_[buckets_];
  spans_.resize(first_span_[buckets_]);
  std::vector<uint64_t> next(first_span_.begin(), first_span_.end() - 1);
  for (const auto& writer : pool_.all()) {
    writer->for_each_block([&](uint64_t bucket, const uint64_t* records, uint64_t count) {
      spans_[next[bucket]++] = {records, count};
    });
  }
}

}  // namespace pysampler
