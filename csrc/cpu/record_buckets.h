// Buckets of 64-bit records that many threads fill at once, without knowing beforehand how many each will hold.
#pragma once

#include <cstdint>
#include <vector>

#include "memory.h"
#include "worker_pool.h"

namespace pysampler {

// What one thread has appended: per bucket a chain of blocks. Memory: 8 bytes a record, and half a block for each bucket
// that has any.
class RecordWriter {
 public:
  RecordWriter(uint64_t buckets, uint64_t slab_blocks) : next_(buckets), slab_blocks_(slab_blocks) {}

  void append(uint64_t bucket, uint64_t record) {
    uint64_t* next = next_[bucket];
    if (reinterpret_cast<uintptr_t>(next) % kBlockBytes == 0) next = new_block(bucket);
    *next = record;
    next_[bucket] = next + 1;
  }

  // Calls visit(bucket, records, count) for every block.
  template <class Visit>
  void for_each_block(Visit visit) const {
    for (uint64_t i = 0; i < buckets_of_blocks_.size(); ++i) {
      const uint64_t bucket = buckets_of_blocks_[i];
      const uint64_t* records = block(i);
      const uint64_t used_bytes = reinterpret_cast<uintptr_t>(next_[bucket]) - reinterpret_cast<uintptr_t>(records);
      const bool is_last_of_chain = used_bytes <= kBlockBytes;  // any other is full
      visit(bucket, records, is_last_of_chain ? used_bytes / sizeof(uint64_t) : kBlockRecords);
    }
  }

 private:
  static constexpr uint64_t kBlockRecords = 64;
  static constexpr uint64_t kBlockBytes = kBlockRecords * sizeof(uint64_t);

  uint64_t* block(uint64_t i) const {
    const uintptr_t slab = reinterpret_cast<uintptr_t>(slabs_[i / slab_blocks_].as<char>());
    const uintptr_t aligned = (slab + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    return reinterpret_cast<uint64_t*>(aligned + i % slab_blocks_ * kBlockBytes);
  }

  uint64_t* new_block(uint64_t bucket);

  std::vector<uint64_t*> next_;  // where the bucket's next record goes; a multiple of kBlockBytes: to a new block
  std::vector<uint32_t> buckets_of_blocks_;
  std::vector<LargeBuffer> slabs_;
  uint64_t slab_blocks_;
};

// A stretch of records of one bucket.
struct RecordSpan {
  const uint64_t* records;
  uint64_t count;
};

// The buckets of all threads together.
class RecordBuckets {
 public:
  RecordBuckets(uint64_t buckets, uint64_t expected_records);

  uint64_t count() const { return buckets_; }
  WorkerPool<RecordWriter>::Lease writer() {
    return pool_.take([this] { return RecordWriter(buckets_, slab_blocks_); });
  }

  // To be called once, when all records are written.
  void seal();
  uint64_t total() const { return total_; }
  // Records in the buckets before `bucket`.
  uint64_t offset(uint64_t bucket) const { return offsets_[bucket]; }
  uint64_t size(uint64_t bucket) const { return offsets_[bucket + 1] - offsets_[bucket]; }
  const RecordSpan* spans_begin(uint64_t bucket) const { return spans_.data() + first_span_[bucket]; }
  const RecordSpan* spans_end(uint64_t bucket) const { return spans_.data() + first_span_[bucket + 1]; }

 private:
  uint64_t buckets_, slab_blocks_, total_ = 0;
  WorkerPool<RecordWriter> pool_;
  std::vector<uint64_t> offsets_, first_span_;
  std::vector<RecordSpan> spans_;
};

}  // namespace pysampler
