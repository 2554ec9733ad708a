#include "cpu/dynamic/extremes.h"

#include <algorithm>

namespace pysampler {
namespace {

template <class Weight, class Range>
Range range_of(const Weight* weights) {
  Range range;
  for (uint64_t i = 0; i < kChildren; ++i) {
    const auto weight = static_cast<double>(weights[i]);
    range.largest = weight > range.largest ? weight : range.largest;
    range.smallest = weight > 0 && weight < range.smallest ? weight : range.smallest;
  }
  return range;
}

}  // namespace

Extremes::Range Extremes::of_leaf(const MassTree& tree, uint64_t leaf) {
  const uint64_t first = leaf * kChildren;
  return tree.type() == WeightType::kFloat64
             ? range_of<double, Range>(static_cast<const double*>(tree.weights()) + first)
             : range_of<float, Range>(static_cast<const float*>(tree.weights()) + first);
}

Extremes::Range Extremes::of_children(uint64_t level, uint64_t node) const {
  const std::vector<Range>& below = levels_[level - 1];
  Range range;
  const uint64_t end = std::min<uint64_t>(below.size(), (node + 1) * kChildren);
  for (uint64_t i = node * kChildren; i < end; ++i) {
    range.largest = std::max(range.largest, below[i].largest);
    range.smallest = std::min(range.smallest, below[i].smallest);
  }
  return range;
}

Extremes::Extremes(const MassTree& tree) {
  levels_.emplace_back(tree.capacity() / kChildren);
  for (uint64_t leaf = 0; leaf < levels_[0].size(); ++leaf) levels_[0][leaf] = of_leaf(tree, leaf);
  while (levels_.back().size() > 1) {
    const uint64_t level = levels_.size();
    levels_.emplace_back((levels_.back().size() + kChildren - 1) / kChildren);
    for (uint64_t node = 0; node < levels_[level].size(); ++node) levels_[level][node] = of_children(level, node);
  }
}

void Extremes::update(const MassTree& tree, const uint32_t* places, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t leaf = places[i] / kChildren;
    levels_[0][leaf] = of_leaf(tree, leaf);
  }
  int bits = 4;
  for (uint64_t level = 1; level < levels_.size(); ++level) {
    bits += 4;
    uint64_t last = ~uint64_t{0};
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t node = static_cast<uint64_t>(places[i]) >> bits;
      if (node == last) continue;
      levels_[level][node] = of_children(level, node);
      last = node;
    }
  }
}

}  // namespace pysampler
