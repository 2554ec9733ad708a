// Items in the order of their keys, from 64-bit records.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/without_replacement/bucket_sort.h"
#include "cpu/without_replacement/race_keys.h"
#include "cpu/without_replacement/record_buckets.h"

namespace pysampler {

// What is kept of an item: the leading bits of a code of its key and, below, its index. Codes are 64-bit integers in
// the order of keys; different keys may have the same code.
class RecordFormat {
 public:
  explicit RecordFormat(uint64_t items) {
    while (item_bits_ < 32 && items >> item_bits_ != 0) ++item_bits_;
    item_mask_ = (uint64_t{1} << item_bits_) - 1;
  }
  uint64_t make(uint64_t code, uint64_t item) const { return (code & ~item_mask_) | item; }
  uint64_t item(uint64_t record) const { return record & item_mask_; }
  uint64_t code(uint64_t record) const { return record >> item_bits_; }
  int item_bits() const { return item_bits_; }

 private:
  int item_bits_ = 1;
  uint64_t item_mask_;
};

// Sorts records by key and then index. Scratch of one thread.
class ArrivalSorter {
 public:
  explicit ArrivalSorter(const Race& race) : race_(race), format_(race.weights.count) {}

  const RecordFormat& format() const { return format_; }

  // The `count` records of a bucket, which agree in the bits from `top` up. Sorting records sorts codes; keys are
  // computed again where codes tie. The result is valid until the next call.
  const uint64_t* sort(const RecordSpan* begin, const RecordSpan* end, uint64_t count, int top);

 private:
  struct Arrival {
    uint64_t key, item;
    bool operator<(const Arrival& other) const { return key != other.key ? key < other.key : item < other.item; }
  };

  bool has_ties(const uint64_t* records, uint64_t count) const;
  void settle_ties(uint64_t* records, uint64_t count);

  const Race& race_;
  RecordFormat format_;
  BucketSorter sorter_;
  std::vector<uint32_t> tied_;
  std::vector<uint64_t> keys_;
  std::vector<Arrival> arrivals_;
};

}  // namespace pysampler
