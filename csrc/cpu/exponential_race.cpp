#include "exponential_race.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <vector>

#include "../core/exponential_race.h"
#include "../core/fingerprint.h"
#include "bucket_sort.h"
#include "key_codes.h"
#include "record_buckets.h"
#include "worker_pool.h"

namespace pysampler {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::max();
constexpr uint64_t kItemsPerTask = 1 << 16;
constexpr uint64_t kRecordsPerBucket = 2048;
#ifndef MAXB
#define MAXB 12
#endif

double now(){return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();}

struct Plan {
  double limit;
  uint64_t expected;
  KeyCodes codes;
};

std::vector<double> sample_keys(const Race& race) {
  const uint64_t items = race.weights.count;
  const uint64_t m = std::clamp<uint64_t>(items / 64, 512, 65536);
  std::vector<uint32_t> chosen(m);
  for (uint64_t j = 0; j < m; ++j) {
    const uint64_t first = j * items / m, end = (j + 1) * items / m;
    chosen[j] = first + mix64(j) % (end - first);
  }
  std::vector<double> keys(m);
  race_keys_at(race, chosen.data(), m, keys.data());
  return keys;
}

Plan make_plan(const Race& race, uint64_t count) {
  std::vector<double> keys = sample_keys(race);
  const uint64_t m = keys.size(), items = race.weights.count;
  const double wanted = double(count) * m / items;
  const uint64_t rank = wanted + 5 * std::sqrt(wanted) + 12;
  double limit = kNoLimit;
  uint64_t expected = items;
  if (rank < m) {
    std::nth_element(keys.begin(), keys.begin() + rank, keys.end());
    if (keys[rank] <= kNoLimit) { limit = keys[rank]; expected = double(rank) * items / m + 1; }
  }
  return {limit, expected, KeyCodes(keys.data(), m, limit)};
}

}  // namespace

void run_race(const Race& race, uint64_t count, int64_t* out, const Execution& execution) {
  const uint64_t items = race.weights.count;
  double t0 = now();
  Plan plan = make_plan(race, count);
  double t1 = now();
  int bits = 0;
  while (bits < MAXB && plan.expected >> bits > kRecordsPerBucket) ++bits;
  RecordBuckets buckets(uint64_t{1} << bits, plan.expected);
  const int shift = 32 - bits;
  const bool few = plan.expected < items / 2;
  parallel_for((items + kItemsPerTask - 1) / kItemsPerTask, execution, [&](uint64_t task) {
    auto writer = buckets.writer();
    alignas(64) double keys[kRaceBlock];
    uint32_t offsets[kRaceBlock];
    const uint64_t end = std::min(items, (task + 1) * kItemsPerTask);
    RecordWriter& w = *writer;
    for (uint64_t begin = task * kItemsPerTask; begin < end; begin += kRaceBlock) {
      uint64_t n = std::min(kRaceBlock, end - begin);
      if (few) {
        n = race_keys_up_to(race, begin, n, plan.limit, offsets, keys);
        for (uint64_t i = 0; i < n; ++i) {
          if (!(keys[i] <= plan.limit)) continue;
          const uint64_t code = plan.codes.code(bits_of(keys[i]));
          w.append(code >> shift, code << 32 | (begin + offsets[i]));
        }
      } else {
        race_keys(race, begin, n, keys);
        for (uint64_t i = 0; i < n; ++i) {
          if (!(keys[i] <= plan.limit)) continue;
          const uint64_t code = plan.codes.code(bits_of(keys[i]));
          w.append(code >> shift, code << 32 | (begin + i));
        }
      }
    }
  });
  double t2 = now();
  buckets.seal();
  double t3 = now();
  uint64_t used = 0;
  while (used < buckets.count() && buckets.offset(used) < count) ++used;
  WorkerPool<BucketSorter> sorters;
  const uint64_t per_task = std::max<uint64_t>(1, used * 32768 / std::max<uint64_t>(1, count));
  parallel_for((used + per_task - 1) / per_task, execution, [&](uint64_t task) {
    auto sorter = sorters.take([] { return BucketSorter(); });
    for (uint64_t b = task * per_task; b < std::min(used, (task + 1) * per_task); ++b) {
      const uint64_t n = buckets.size(b), first = buckets.offset(b);
      const uint64_t* r = sorter->sort(buckets.spans_begin(b), buckets.spans_end(b), n, 64 - bits);
      const uint64_t m = std::min(n, count - first);
      for (uint64_t i = 0; i < m; ++i) out[first + i] = r[i] & 0xFFFFFFFF;
    }
  });
  double t4 = now();
  if (getenv("V")) printf("  plan %.2f collect %.2f seal %.2f sort %.2f ms; survivors %lu buckets %lu\n", (t1-t0)*1e3,(t2-t1)*1e3,(t3-t2)*1e3,(t4-t3)*1e3, buckets.total(), buckets.count());
}

}  // namespace pysampler
