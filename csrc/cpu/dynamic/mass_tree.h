// The weights of a dynamic table and the tree of their masses. No locks: see dynamic_table.h.
#pragma once

#include <cstdint>
#include <vector>

#include "core/weights.h"
#include "cpu/dynamic/tree_kernels.h"
#include "cpu/runtime/memory.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

class MassTree {
 public:
  MassTree() = default;
  // Room for `capacity` weights, all zero. Throws std::bad_alloc.
  MassTree(uint64_t capacity, WeightType type);

  uint64_t capacity() const { return leaves_ * kChildren; }
  WeightType type() const { return type_; }
  uint64_t weight_bytes() const { return type_ == WeightType::kFloat64 ? 8 : 4; }
  // In use; 16 bits of it a leaf of float32.
  uint64_t bytes() const;
  const TreeView& view() const { return view_; }
  void* weights() const { return view_.weights; }
  double weight(uint64_t place) const;
  // Puts a weight of the table's type in its place and returns what was there. The masses are the caller's to change.
  double exchange_weight(uint64_t place, double weight);
  // The mass of all weights under the scale of the last build, if that was below 2^64.
  uint64_t total() const { return total_; }
  void add_to_total(uint64_t difference) { total_ += difference; }

  // None of these takes memory or throws, so that an update that makes them necessary cannot fail half-way.
  // Makes all masses anew with this scale, which must leave the total below 2^64.
  void build(int scale, const Execution& execution);
  // The total that a scale would give.
  WideSum total_with(int scale, const Execution& execution) const;
  // The scale that weights which are not all zero get when they get one: the largest whose total is below
  // kFreshTotalLimit. Four passes over the weights, at most.
  int fresh_scale(const Execution& execution) const;

 private:
  double largest(const Execution& execution) const;

  LargeBuffer weights_;
  std::vector<LargeBuffer> levels_;
  LargeBuffer totals_;  // a number for each node of the lowest level, while the tree is built
  uint64_t leaves_ = 0;
  WeightType type_ = WeightType::kFloat32;
  TreeView view_ = {};
  uint64_t total_ = 0;
};

}  // namespace pysampler
