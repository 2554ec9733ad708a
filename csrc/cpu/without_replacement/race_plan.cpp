#include "cpu/without_replacement/race_plan.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <stdexcept>

#include "core/exponential_race.h"
#include "core/fingerprint.h"

namespace pysampler {
namespace {


constexpr uint64_t kItemsPerLook = 1 << 16;

std::vector<uint64_t> sampled_keys(const Race& race) {
  const std::vector<uint32_t> items = sampled_items(race.weights.count);
  std::vector<uint64_t> keys(items.size());
  race_keys_at(race, items.data(), items.size(), keys.data());
  return keys;
}

// Sixteen bins to each power of two.
constexpr int kBinBits = 48;
using Histogram = std::vector<uint64_t>;

Histogram histogram_of_keys(const Race& race, const Execution& execution) {
  const uint64_t items = race.weights.count;
  Histogram all(uint64_t{1} << (63 - kBinBits));
  std::mutex mutex;
  parallel_for((items - 1) / kItemsPerLook + 1, execution, [&](uint64_t task) {
    Histogram part(all.size());
    alignas(64) uint64_t keys[kRaceBlock];
    const uint64_t end = std::min(items, (task + 1) * kItemsPerLook);
    for (uint64_t begin = task * kItemsPerLook; begin < end; begin += kRaceBlock) {
      const uint64_t count = std::min(kRaceBlock, end - begin);
      race_keys(race, begin, count, keys);
      for (uint64_t i = 0; i < count; ++i) {
        if (keys[i] <= kLargestKey) ++part[keys[i] >> kBinBits];
      }
    }
    const std::lock_guard<std::mutex> lock(mutex);
    for (uint64_t bin = 0; bin < all.size(); ++bin) all[bin] += part[bin];
  });
  return all;
}

}  // namespace

std::vector<uint32_t> sampled_items(uint64_t items) {
  const uint64_t count = std::min<uint64_t>(items, std::clamp<uint64_t>(items / 64, 512, 32768));
  std::vector<uint32_t> sample(count);
  for (uint64_t j = 0; j < count; ++j) {
    const uint64_t first = j * items / count, end = (j + 1) * items / count;
    sample[j] = static_cast<uint32_t>(first + mix64(j) % (end - first));
  }
  return sample;
}

RacePlan plan_by_sample(const Race& race, uint64_t count) {
  std::vector<uint64_t> keys = sampled_keys(race);
  const double per_sampled = static_cast<double>(race.weights.count) / static_cast<double>(keys.size());
  // Of the sampled items, those among the first `count` are a binomial number with this mean; five standard
  // deviations and some more for small means.
  const double mean = static_cast<double>(count) / per_sampled;
  const auto rank = std::min<uint64_t>(static_cast<uint64_t>(mean + 5 * std::sqrt(mean) + 12), keys.size() - 1);
  std::nth_element(keys.begin(), keys.begin() + static_cast<int64_t>(rank), keys.end());
  const bool all_stay = rank == keys.size() - 1 || keys[rank] > kLargestKey;
  const uint64_t limit = all_stay ? kLargestKey : keys[rank];
  const auto expected = static_cast<uint64_t>(static_cast<double>(rank) * per_sampled) + 1;
  return {limit, expected, KeyCodes(keys.data(), keys.size(), limit)};
}

RacePlan plan_by_histogram(const Race& race, uint64_t count, const Execution& execution) {
  const Histogram histogram = histogram_of_keys(race, execution);
  uint64_t kept = 0, bins = 0;
  while (bins < histogram.size() && kept < count) kept += histogram[bins++];
  if (kept < count) throw std::invalid_argument("fewer items have a positive weight than are to be drawn");
  const uint64_t limit = (bins << kBinBits) - 1;  // the largest key in the bins so far
  const std::vector<uint64_t> keys = sampled_keys(race);
  return {limit, kept, KeyCodes(keys.data(), keys.size(), limit)};
}

}  // namespace pysampler
