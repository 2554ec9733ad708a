// Buckets of 64-bit records that many threads fill at once, without knowing beforehand how many each will hold.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/macros.h"
#include "cpu/runtime/memory.h"

namespace pysampler {

// A stretch of records of one bucket.
struct RecordSpan {
  const uint64_t* records;
  uint64_t count;
};

// What one thread has appended. The latest records of each bucket lie in a cache line of its own; full lines move to
// blocks of 64 records, which belong to one bucket each. So memory far away is written in whole lines, and an append
// touches one line that prefetch() can have brought near. Memory: 8 bytes a record, 328 bytes a bucket.
class RecordWriter {
 public:
  static constexpr uint64_t kBlockRecords = 64;

  RecordWriter(uint64_t buckets, uint64_t slab_blocks);

  // To be called some records before append, so that the bucket's line is near by then.
  void prefetch(uint64_t bucket) const {
    prefetch_to_write(line(bucket));
  }

  void append(uint64_t bucket, uint64_t record) {
    uint64_t* slots = line(bucket);
    const uint64_t before = slots[kCountSlot];
    slots[before % kLineRecords] = record;
    if (before % kLineRecords == kCountSlot) move_line(bucket, before - kCountSlot);
    slots[kCountSlot] = before + 1;
  }

  // Makes what this thread wrote visible to the threads that it synchronises with.
  void publish() const;

  // Calls visit(bucket, span) for every stretch of records.
  template <class Visit>
  void for_each_span(Visit visit) const {
    for (uint64_t i = 0; i < buckets_of_blocks_.size(); ++i) {
      const uint64_t bucket = buckets_of_blocks_[i];
      const uint64_t* records = block(i);
      const bool is_last = records == last_blocks_[bucket];
      const uint64_t moved = line(bucket)[kCountSlot] / kLineRecords * kLineRecords;
      visit(bucket, RecordSpan{records, is_last ? (moved - 1) % kBlockRecords + 1 : kBlockRecords});
    }
    for (uint64_t bucket = 0; bucket < last_blocks_.size(); ++bucket) {
      const uint64_t waiting = line(bucket)[kCountSlot] % kLineRecords;
      if (waiting != 0) visit(bucket, RecordSpan{line(bucket), waiting});
    }
  }

 private:
  static constexpr uint64_t kLineRecords = 8;
  static constexpr uint64_t kCountSlot = 7;  // holds the bucket's number of records, until a record needs the place
  static constexpr uint64_t kBlockBytes = kBlockRecords * sizeof(uint64_t);

  uint64_t* line(uint64_t bucket) const { return lines_.as<uint64_t>() + bucket * kLineRecords; }
  uint64_t* block(uint64_t i) const {
    return slabs_[i / slab_blocks_].as<uint64_t>() + i % slab_blocks_ * kBlockRecords;
  }
  void move_line(uint64_t bucket, uint64_t first);

  LargeBuffer lines_;
  std::vector<uint64_t*> last_blocks_;
  std::vector<uint32_t> buckets_of_blocks_;
  std::vector<LargeBuffer> slabs_;
  uint64_t slab_blocks_;
};

// The buckets of all threads together.
class RecordBuckets {
 public:
  RecordBuckets(uint64_t buckets, uint64_t expected_records);

  uint64_t count() const { return buckets_; }
  // A writer for the calling thread, valid as long as this object. May be called by several threads at once.
  RecordWriter& add_writer();

  // To be called once, when all records are written. What follows needs it.
  void seal();
  uint64_t total() const { return offsets_[buckets_]; }
  // Records in the buckets before `bucket`; and in itself.
  uint64_t offset(uint64_t bucket) const { return offsets_[bucket]; }
  uint64_t size(uint64_t bucket) const { return offsets_[bucket + 1] - offsets_[bucket]; }
  // Its stretches, in no particular order. The stretches of successive buckets are successive in memory, and
  // kSpansBeyond more may be read after the last.
  static constexpr uint64_t kSpansBeyond = 8;
  const RecordSpan* spans_begin(uint64_t bucket) const { return spans_.data() + first_spans_[bucket]; }
  const RecordSpan* spans_end(uint64_t bucket) const { return spans_.data() + first_spans_[bucket + 1]; }

 private:
  uint64_t buckets_, slab_blocks_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<RecordWriter>> writers_;
  std::vector<uint64_t> offsets_, first_spans_;
  std::vector<RecordSpan> spans_;
};

}  // namespace pysampler
