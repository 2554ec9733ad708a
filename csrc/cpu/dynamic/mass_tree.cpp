#include "cpu/dynamic/mass_tree.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <mutex>

namespace pysampler {
namespace {

constexpr uint64_t kNodesPerTask = 256;  // 65,536 weights: some tenth of a millisecond

uint64_t divided_up(uint64_t count, uint64_t by) { return (count + by - 1) / by; }

template <class Weight>
double largest_of(const Weight* weights, uint64_t count) {
  Weight largest = 0;
  for (uint64_t i = 0; i < count; ++i) largest = weights[i] > largest ? weights[i] : largest;
  return static_cast<double>(largest);
}

// 2^result <= value < 2^(result + 1), for value > 0.
int binary_exponent(double value) { return std::ilogb(value); }

int binary_exponent(WideSum sum) {
  const uint64_t word = sum.high != 0 ? sum.high : sum.low;
  int exponent = sum.high != 0 ? 64 : 0;
  for (uint64_t rest = word; rest > 1; rest /= 2) ++exponent;
  return exponent;
}

bool is_below(WideSum sum, uint64_t limit) { return sum.high == 0 && sum.low < limit; }

}  // namespace

MassTree::MassTree(uint64_t capacity, WeightType type)
    : leaves_(std::max<uint64_t>(divided_up(capacity, kChildren), 1)), type_(type) {
  weights_ = LargeBuffer(leaves_ * kChildren * weight_bytes());
  std::memset(weights_.as<void>(), 0, weights_.bytes());
  view_.weights = weights_.as<void>();
  view_.leaves = leaves_;
  for (uint64_t nodes = divided_up(leaves_, kChildren);; nodes = divided_up(nodes, kChildren)) {
    levels_.emplace_back(nodes * kChildren * sizeof(uint64_t));
    std::memset(levels_.back().as<void>(), 0, levels_.back().bytes());
    view_.levels[view_.depth++] = levels_.back().as<uint64_t>();
    if (nodes == 1) break;
  }
  totals_ = LargeBuffer(divided_up(leaves_, kChildren) * sizeof(uint64_t));
}

uint64_t MassTree::bytes() const {
  uint64_t sum = weights_.bytes() + totals_.bytes();
  for (const LargeBuffer& level : levels_) sum += level.bytes();
  return sum;
}

double MassTree::weight(uint64_t place) const {
  return type_ == WeightType::kFloat64 ? static_cast<const double*>(view_.weights)[place]
                                       : static_cast<double>(static_cast<const float*>(view_.weights)[place]);
}

double MassTree::exchange_weight(uint64_t place, double weight) {
  const double before = this->weight(place);
  if (type_ == WeightType::kFloat64) {
    static_cast<double*>(view_.weights)[place] = weight;
  } else {
    static_cast<float*>(view_.weights)[place] = static_cast<float>(weight);
  }
  return before;
}

void MassTree::build(int scale, const Execution& execution) {
  const TreeKernels& kernels = tree_kernels(execution.target, type_);
  view_.scale = scale;
  uint64_t nodes = divided_up(leaves_, kChildren);
  auto* const totals = totals_.as<uint64_t>();
  const auto build_some = [&](uint64_t task) {
    const uint64_t first = task * kNodesPerTask;
    kernels.build(view_, first, std::min(kNodesPerTask, nodes - first), leaves_, totals + first);
  };
  parallel_for(divided_up(nodes, kNodesPerTask), execution, std::cref(build_some));
  for (int level = 1; level < view_.depth; ++level) {
    const uint64_t children = nodes;
    nodes = divided_up(children, kChildren);
    for (uint64_t node = 0; node < nodes; ++node) {
      uint64_t sum = 0;
      for (uint64_t i = 0; i < kChildren; ++i) {
        view_.levels[level][node * kChildren + i] = sum;
        if (node * kChildren + i < children) sum += totals[node * kChildren + i];
      }
      totals[node] = sum;  // its children's totals were read: node <= node * kChildren
    }
  }
  total_ = totals[0];
}

WideSum MassTree::total_with(int scale, const Execution& execution) const {
  const TreeKernels& kernels = tree_kernels(execution.target, type_);
  constexpr uint64_t kLeavesPerTask = kNodesPerTask * kChildren;
  WideSum sum = {0, 0};
  std::mutex mutex;
  const auto add_some = [&](uint64_t task) {
    const uint64_t first = task * kLeavesPerTask;
    const uint64_t count = std::min(kLeavesPerTask, leaves_ - first) * kChildren;
    const char* from = static_cast<const char*>(view_.weights) + first * kChildren * weight_bytes();
    const WideSum part = kernels.sum(from, count, scale);
    const std::lock_guard<std::mutex> lock(mutex);
    sum = add(sum, part);
  };
  parallel_for(divided_up(leaves_, kLeavesPerTask), execution, std::cref(add_some));
  return sum;
}

double MassTree::largest(const Execution& execution) const {
  constexpr uint64_t kWeightsPerTask = 1 << 18;
  double largest = 0;
  std::mutex mutex;
  const auto compare_some = [&](uint64_t task) {
    const uint64_t first = task * kWeightsPerTask, count = std::min(kWeightsPerTask, capacity() - first);
    const double found = type_ == WeightType::kFloat64
                             ? largest_of(static_cast<const double*>(view_.weights) + first, count)
                             : largest_of(static_cast<const float*>(view_.weights) + first, count);
    const std::lock_guard<std::mutex> lock(mutex);
    largest = std::max(largest, found);
  };
  parallel_for(divided_up(capacity(), kWeightsPerTask), execution, std::cref(compare_some));
  return largest;
}

int MassTree::fresh_scale(const Execution& execution) const {
  constexpr int kWanted = 60;  // kFreshTotalLimit / 2 is 2^60
  int scale = kWanted - binary_exponent(largest(execution));
  WideSum total = total_with(scale, execution);
  while (!is_below(total, kFreshTotalLimit)) {
    scale -= binary_exponent(total) - kWanted;
    total = total_with(scale, execution);
  }
  // The step down may have been one too far. One scale up a total doubles, less a unit per item at most: so there is
  // nothing to look for above this limit.
  while (is_below(total, kFreshTotalLimit / 2 + capacity() / 2 + 1)) {
    total = total_with(scale + 1, execution);
    if (!is_below(total, kFreshTotalLimit)) break;
    ++scale;
  }
  return scale;
}

}  // namespace pysampler
