#include "cpu/without_replacement/exponential_race.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "core/exponential_race.h"
#include "core/weights.h"
#include "cpu/without_replacement/arrival_sort.h"
#include "cpu/without_replacement/record_buckets.h"

namespace pysampler {
namespace {

// Tasks of about half a millisecond.
constexpr uint64_t kItemsPerTask = 1 << 16;
constexpr uint64_t kRecordsPerTask = 1 << 15;

constexpr uint64_t kRecordsPerBucket = 2048;  // a bucket and its sorted copies stay in the second-level cache
constexpr int kMaxBucketBits = 12;            // and so do the cache lines of all buckets
constexpr uint64_t kAppendsAhead = 16;        // lines to fetch before they are written to

constexpr uint64_t kFewItems = 4096;  // up to here planning costs more than it saves

// The race of few items: one bucket of all that run, with the keys themselves as codes, from the smallest that occurs.
class SmallRace {
 public:
  explicit SmallRace(const Race& race) : race_(race), sorter_(race_), records_(race.weights.count) {}

  void run(uint64_t count, int64_t* out) {
    make_records();
    if (running_ < count) throw std::invalid_argument("fewer items have a positive weight than are to be drawn");
    const RecordSpan all[1 + RecordBuckets::kSpansBeyond] = {{records_.data(), running_}};
    const uint64_t* sorted = sorter_.sort(all, all + 1, running_, 64);
    for (uint64_t i = 0; i < count; ++i) out[i] = static_cast<int64_t>(sorter_.format().item(sorted[i]));
  }

 private:
  void make_records() {
    const uint64_t items = race_.weights.count;
    std::vector<uint64_t> keys(items);
    uint64_t smallest = kLargestKey, largest = 0;
    for (uint64_t begin = 0; begin < items; begin += kRaceBlock) {
      race_keys(race_, begin, std::min(kRaceBlock, items - begin), keys.data() + begin);
    }
    for (const uint64_t key : keys) {
      smallest = std::min(smallest, key);
      if (key <= kLargestKey) largest = std::max(largest, key);
    }
    int shift = 0;
    while (shift < 63 && (largest - smallest) >> (63 - shift) == 0) ++shift;
    for (uint64_t i = 0; i < items; ++i) {
      records_[running_] = sorter_.format().make((keys[i] - smallest) << shift, i);
      running_ += keys[i] <= kLargestKey;
    }
  }

  const Race& race_;
  ArrivalSorter sorter_;
  std::vector<uint64_t> records_;
  uint64_t running_ = 0;
};

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

// Sorts a bucket into its place in `out`, as far as that reaches.
void finish_bucket(const RecordBuckets& buckets, uint64_t bucket, int bucket_bits, uint64_t count, int64_t* out,
                   ArrivalSorter* sorter) {
  const uint64_t size = buckets.size(bucket), first = buckets.offset(bucket);
  const uint64_t* records =
      sorter->sort(buckets.spans_begin(bucket), buckets.spans_end(bucket), size, 64 - bucket_bits);
  const uint64_t wanted = std::min(size, count - first);
  for (uint64_t i = 0; i < wanted; ++i) out[first + i] = static_cast<int64_t>(sorter->format().item(records[i]));
}

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
    const auto sorter = std::make_shared<ArrivalSorter>(race);
    return [=, &buckets](uint64_t task) {
      const uint64_t end = std::min(needed, (task + 1) * per_task);
      for (uint64_t b = task * per_task; b < end; ++b) finish_bucket(buckets, b, bucket_bits, count, out, sorter.get());
    };
  });
  return true;
}

void run_race(const Race& race, uint64_t count, int64_t* out, const Execution& execution) {
  if (count == 0) return;
  if (race.weights.count <= kFewItems) return SmallRace(race).run(count, out);
  if (run_planned_race(race, plan_by_sample(race, count), count, out, execution)) return;
  if (run_planned_race(race, plan_by_histogram(race, count, execution), count, out, execution)) return;
  throw InvalidWeights{InvalidWeights::Reason::kChangedMeanwhile};  // that plan cannot fall short of what it has seen
}

}  // namespace pysampler
