// Weighted sampling without replacement as the definitions say, item by item: what every way of evaluation must equal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/alias_table.h"
#include "core/exponential_race.h"
#include "core/stream.h"
#include "cpu/without_replacement/without_replacement.h"

namespace pysampler {

// Weights of either type, owned.
class OwnedWeights {
 public:
  OwnedWeights(const std::vector<double>& weights, WeightType type) : type_(type), doubles_(weights) {
    if (type == WeightType::kFloat32) {
      floats_.assign(weights.begin(), weights.end());
      doubles_.assign(floats_.begin(), floats_.end());
    }
  }
  WeightView view() const {
    const bool is_float32 = type_ == WeightType::kFloat32;
    return {is_float32 ? static_cast<const void*>(floats_.data()) : doubles_.data(), doubles_.size(), type_};
  }
  uint64_t count() const { return doubles_.size(); }
  double operator[](uint64_t item) const { return doubles_[item]; }
  uint64_t positive() const {
    return static_cast<uint64_t>(std::count_if(doubles_.begin(), doubles_.end(), [](double w) { return w > 0; }));
  }
  double scale() const {
    if (type_ == WeightType::kFloat32) return 1.0;
    return race_scale(bits_of(*std::max_element(doubles_.begin(), doubles_.end())));
  }

 private:
  WeightType type_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
};

// All items that run and are not seen, in order of arrival.
inline std::vector<int64_t> reference_race(const OwnedWeights& weights, Stream stream, uint64_t first_position,
                                           const std::vector<bool>& seen) {
  std::vector<std::pair<uint64_t, int64_t>> arrivals;
  const double scale = weights.scale();
  for (uint64_t i = 0; i < weights.count(); ++i) {
    if (!(weights[i] > 0) || seen[i]) continue;
    const uint64_t word = stream_word(stream, first_position + i);
    arrivals.push_back({race_key(word, raced_weight(weights[i], scale)), static_cast<int64_t>(i)});
  }
  std::sort(arrivals.begin(), arrivals.end());
  std::vector<int64_t> order;
  for (const auto& arrival : arrivals) order.push_back(arrival.second);
  return order;
}

// The rule of draw_unseen, draw by draw.
inline std::vector<int64_t> reference_unseen_draws(const AliasEntry* table, uint64_t items, Stream stream,
                                                   uint64_t first_position, uint64_t count, std::vector<bool>* seen) {
  const uint64_t chunk = std::clamp<uint64_t>(count / 16 / 64 * 64, 64, 1 << 18);
  std::vector<int64_t> found;
  for (uint64_t begin = 0; begin < items; begin += chunk) {
    const uint64_t end = std::min(items, begin + chunk), before = found.size();
    for (uint64_t i = begin; i < end && found.size() < count; ++i) {
      const uint32_t item = draw_one({table, items}, stream_word(stream, first_position + i));
      if (!(*seen)[item]) found.push_back(item);
      (*seen)[item] = true;
    }
    if (found.size() == count || (found.size() - before) * 2 < end - begin) break;
  }
  return found;
}

inline std::vector<int64_t> reference_without_replacement(const OwnedWeights& weights, const AliasEntry* table,
                                                          uint64_t seed, uint64_t epoch, uint64_t first_position,
                                                          uint64_t count) {
  std::vector<bool> seen(weights.count());
  std::vector<int64_t> result;
  if (table && count <= weights.count() * 2 / 5) {
    const Stream stream = make_stream(seed, epoch, Tag::kSeenBitmap);
    result = reference_unseen_draws(table, weights.count(), stream, first_position, count, &seen);
  }
  if (result.size() == count) return result;
  const std::vector<int64_t> rest =
      reference_race(weights, make_stream(seed, epoch, Tag::kRace), first_position, seen);
  result.insert(result.end(), rest.begin(), rest.begin() + static_cast<int64_t>(count - result.size()));
  return result;
}

}  // namespace pysampler
