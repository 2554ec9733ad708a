#include "exponential_race.h"

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

#include "../core/exponential_race.h"
#include "bucket_sort.h"
#include "record_buckets.h"

namespace pysampler {
namespace {

// Tasks of about half a millisecond.
constexpr uint64_t kItemsPerTask = 1 << 16;
constexpr uint64_t kRecordsPerTask = 1 << 15;

constexpr uint64_t kRecordsPerBucket = 2048;  // a bucket and its sorted copies stay in the second-level cache
constexpr int kMaxBucketBits = 12;            // and so do the cache lines of all buckets
constexpr uint64_t kAppendsAhead = 16;        // lines to fetch before they are written to

// What is kept of an item: the leading bits of its key's code and, below, its index. Sorting records sorts codes, and
// equal codes by index; the keys themselves are computed again where codes tie.
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

struct Arrival {
  uint64_t key;
  uint64_t item;
  bool operator<(const Arrival& other) const { return key != other.key ? key < other.key : item < other.item; }
};

// The race of so few items that a plain sort is fastest.
constexpr uint64_t kFewItems = 1024;

void run_small_race(const Race& race, uint64_t count, int64_t* out) {
  std::array<Arrival, kFewItems> arrivals;
  alignas(64) uint64_t keys[kRaceBlock];
  uint64_t found = 0;
  for (uint64_t begin = 0; begin < race.weights.count; begin += kRaceBlock) {
    const uint64_t part = std::min(kRaceBlock, race.weights.count - begin);
    race_keys(race, begin, part, keys);
    for (uint64_t i = 0; i < part; ++i) {
      if (keys[i] <= kLargestKey) arrivals[found++] = {keys[i], begin + i};
    }
  }
  if (found < count) throw std::invalid_argument("fewer items have a positive weight than are to be drawn");
  Arrival *first = arrivals.data(), *last = first + count;
  if (count < found) std::nth_element(first, last, first + found);
  std::sort(first, last);
  for (uint64_t i = 0; i < count; ++i) out[i] = static_cast<int64_t>(arrivals[i].item);
}

// Computes keys and appends a record for each that is within the plan's limit.
class Collector {
 public:
  Collector(const Race& race, const RacePlan& plan, int bucket_bits, RecordWriter* writer)
      : race_(race),
        plan_(plan),
        format_(race.weights.count),
        shift_(63 - bucket_bits),
        few_stay_(plan.expected < race.weights.count / 2),
        writer_(writer) {}

  void collect(uint64_t begin, uint64_t end) {
    for (; begin < end; begin += kRaceBlock) collect_block(begin, std::min(kRaceBlock, end - begin));
    writer_->publish();
  }

 private:
  void collect_block(uint64_t begin, uint64_t count) {
    alignas(64) uint64_t keys[kRaceBlock];
    alignas(64) uint64_t records[kRaceBlock + kAppendsAhead];
    uint32_t offsets[kRaceBlock];
    if (few_stay_) {
      count = race_keys_up_to(race_, begin, count, plan_.limit, offsets, keys);
    } else {
      race_keys(race_, begin, count, keys);
    }
    uint64_t kept = 0;
    for (uint64_t i = 0; i < count; ++i) {  // without a branch: which ones stay cannot be predicted
      records[kept] = format_.make(plan_.codes.code(keys[i]), begin + (few_stay_ ? offsets[i] : i));
      kept += keys[i] <= plan_.limit;
    }
    append(records, kept);
  }

  void append(uint64_t* records, uint64_t count) {
    std::fill_n(records + count, kAppendsAhead, 0);
    for (uint64_t i = 0; i < count; ++i) {
      writer_->prefetch(bucket_of(records[i + kAppendsAhead]));
      writer_->append(bucket_of(records[i]), records[i]);
    }
  }

  uint64_t bucket_of(uint64_t record) const { return record >> 1 >> shift_; }

  const Race& race_;
  const RacePlan& plan_;
  RecordFormat format_;
  int shift_;
  bool few_stay_;
  RecordWriter* writer_;
};

// Sorts buckets into `out`.
class BucketFinisher {
 public:
  BucketFinisher(const Race& race, const RecordBuckets& buckets, int bucket_bits, uint64_t count, int64_t* out)
      : race_(race), buckets_(buckets), format_(race.weights.count), top_(64 - bucket_bits), count_(count), out_(out) {}

  void finish(uint64_t bucket) {
    const uint64_t size = buckets_.size(bucket), first = buckets_.offset(bucket);
    uint64_t* records = sorter_.sort(buckets_.spans_begin(bucket), buckets_.spans_end(bucket), size, top_,
                                     format_.item_bits());
    if (has_equal_codes(records, size)) settle_equal_codes(records, size);
    const uint64_t wanted = std::min(size, count_ - first);
    for (uint64_t i = 0; i < wanted; ++i) out_[first + i] = static_cast<int64_t>(format_.item(records[i]));
  }

 private:
  bool has_equal_codes(const uint64_t* records, uint64_t count) const {
    uint64_t borrowed = 0;  // the top bit of d - 1 is set only if d = 0, since d has fewer bits
    for (uint64_t i = 1; i < count; ++i) borrowed |= format_.code(records[i] ^ records[i - 1]) - 1;
    return borrowed >> 63 != 0;
  }

  // Puts records of equal code in the order of their keys, then of their indices.
  void settle_equal_codes(uint64_t* records, uint64_t count) {
    tied_.clear();
    const auto for_each_tie = [&](auto visit) {
      for (uint64_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && format_.code(records[end]) == format_.code(records[begin]);) ++end;
        if (end - begin > 1) visit(begin, end);
      }
    };
    for_each_tie([&](uint64_t begin, uint64_t end) {
      for (uint64_t i = begin; i < end; ++i) tied_.push_back(static_cast<uint32_t>(format_.item(records[i])));
    });
    keys_.resize(tied_.size());
    race_keys_at(race_, tied_.data(), tied_.size(), keys_.data());
    uint64_t done = 0;
    for_each_tie([&](uint64_t begin, uint64_t end) {
      arrivals_.clear();
      for (uint64_t i = begin; i < end; ++i, ++done) arrivals_.push_back({keys_[done], format_.item(records[i])});
      std::sort(arrivals_.begin(), arrivals_.end());
      for (uint64_t i = begin; i < end; ++i) records[i] = format_.make(records[i], arrivals_[i - begin].item);
    });
  }

  const Race& race_;
  const RecordBuckets& buckets_;
  RecordFormat format_;
  int top_;
  uint64_t count_;
  int64_t* out_;
  BucketSorter sorter_;
  std::vector<uint32_t> tied_;
  std::vector<uint64_t> keys_;
  std::vector<Arrival> arrivals_;
};

}  // namespace

bool run_planned_race(const Race& race, const RacePlan& plan, uint64_t count, int64_t* out,
                      const Execution& execution) {
  const uint64_t items = race.weights.count;
  int bucket_bits = 0;
  while (bucket_bits < kMaxBucketBits && plan.expected >> bucket_bits > kRecordsPerBucket) ++bucket_bits;
  RecordBuckets buckets(uint64_t{1} << bucket_bits, plan.expected);
  parallel_for_workers((items - 1) / kItemsPerTask + 1, execution, [&]() -> Task {
    const auto collector = std::make_shared<Collector>(race, plan, bucket_bits, &buckets.add_writer());
    return [collector, items](uint64_t task) {
      collector->collect(task * kItemsPerTask, std::min(items, (task + 1) * kItemsPerTask));
    };
  });
  buckets.seal();
  if (buckets.total() < count) return false;
  uint64_t needed = 0;  // buckets
  while (needed < buckets.count() && buckets.offset(needed) < count) ++needed;
  const uint64_t per_task = std::max<uint64_t>(1, needed * kRecordsPerTask / count);
  parallel_for_workers((needed - 1) / per_task + 1, execution, [&]() -> Task {
    const auto finisher = std::make_shared<BucketFinisher>(race, buckets, bucket_bits, count, out);
    return [finisher, per_task, needed](uint64_t task) {
      const uint64_t end = std::min(needed, (task + 1) * per_task);
      for (uint64_t bucket = task * per_task; bucket < end; ++bucket) finisher->finish(bucket);
    };
  });
  return true;
}

void run_race(const Race& race, uint64_t count, int64_t* out, const Execution& execution) {
  if (count == 0) return;
  if (race.weights.count <= kFewItems) return run_small_race(race, count, out);
  if (run_planned_race(race, plan_by_sample(race, count), count, out, execution)) return;
  run_planned_race(race, plan_by_histogram(race, count, execution), count, out, execution);
}

}  // namespace pysampler
