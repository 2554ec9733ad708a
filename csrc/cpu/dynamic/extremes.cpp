#include "cpu/dynamic/extremes.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace pysampler {
namespace {

template <class Weight, class Bits>
double weight_of(int64_t bits) {
  const auto narrow = static_cast<Bits>(bits);
  Weight weight;
  std::memcpy(&weight, &narrow, sizeof weight);
  return static_cast<double>(weight);
}

double weight_of(int64_t bits, WeightType type) {
  return type == WeightType::kFloat64 ? weight_of<double, int64_t>(bits) : weight_of<float, int32_t>(bits);
}

}  // namespace

// Of the sixteen weights of a leaf. Comparisons of integers may be made in any order, so compilers use vectors.
template <class Bits>
Extremes::Range Extremes::range_of(const void* weights) {
  constexpr Bits kMost = std::numeric_limits<Bits>::max();
  Bits bits[kChildren];
  std::memcpy(bits, weights, sizeof bits);
  Bits largest = 0, smallest = kMost;
  for (uint64_t i = 0; i < kChildren; ++i) {
    const auto less_one = static_cast<Bits>((bits[i] - 1) & kMost);
    largest = bits[i] > largest ? bits[i] : largest;
    smallest = less_one < smallest ? less_one : smallest;
  }
  return {largest, smallest};
}

Extremes::Range Extremes::of_leaf(const MassTree& tree, uint64_t leaf) {
  const uint64_t first = leaf * kChildren;
  return tree.type() == WeightType::kFloat64 ? range_of<int64_t>(static_cast<const double*>(tree.weights()) + first)
                                             : range_of<int32_t>(static_cast<const float*>(tree.weights()) + first);
}

Extremes::Range Extremes::of_children(uint64_t level, uint64_t node) const {
  const std::vector<Range>& below = levels_[level - 1];
  const uint64_t first = node * kChildren, end = std::min<uint64_t>(below.size(), first + kChildren);
  Range range = below[first];
  for (uint64_t i = first + 1; i < end; ++i) {
    range.largest = std::max(range.largest, below[i].largest);
    range.smallest_less_one = std::min(range.smallest_less_one, below[i].smallest_less_one);
  }
  return range;
}

Extremes::Extremes(const MassTree& tree) : type_(tree.type()) {
  levels_.emplace_back(tree.capacity() / kChildren);
  for (uint64_t leaf = 0; leaf < levels_[0].size(); ++leaf) levels_[0][leaf] = of_leaf(tree, leaf);
  while (levels_.back().size() > 1) {
    const uint64_t level = levels_.size();
    levels_.emplace_back((levels_.back().size() + kChildren - 1) / kChildren);
    for (uint64_t node = 0; node < levels_[level].size(); ++node) levels_[level][node] = of_children(level, node);
  }
}

void Extremes::update(const MassTree& tree, const uint32_t* places, uint64_t count) {
  constexpr uint64_t kAhead = 16;
  for (uint64_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(&levels_[0][places[i + kAhead] / kChildren], 1, 3);
    uint64_t node = places[i] / kChildren;
    Range after = of_leaf(tree, node);
    for (uint64_t level = 0; !(levels_[level][node] == after);) {
      const Range before = levels_[level][node];
      levels_[level][node] = after;
      if (++level == levels_.size()) break;
      node /= kChildren;
      after = with_child(level, node, before, after);
    }
  }
}

// What a node's range becomes when that of a child does. All children are looked at only if an extreme has gone.
Extremes::Range Extremes::with_child(uint64_t level, uint64_t node, Range before, Range after) const {
  Range range = levels_[level][node];
  const bool largest_gone = before.largest == range.largest && after.largest < range.largest;
  const bool smallest_gone = before.smallest_less_one == range.smallest_less_one &&
                             after.smallest_less_one > range.smallest_less_one;
  if (largest_gone || smallest_gone) return of_children(level, node);
  range.largest = std::max(range.largest, after.largest);
  range.smallest_less_one = std::min(range.smallest_less_one, after.smallest_less_one);
  return range;
}

double Extremes::largest() const { return weight_of(levels_.back()[0].largest, type_); }

double Extremes::smallest() const {
  const int64_t none = type_ == WeightType::kFloat64 ? std::numeric_limits<int64_t>::max()
                                                     : std::numeric_limits<int32_t>::max();
  const int64_t less_one = levels_.back()[0].smallest_less_one;
  return less_one == none ? std::numeric_limits<double>::infinity() : weight_of(less_one + 1, type_);
}

}  // namespace pysampler
