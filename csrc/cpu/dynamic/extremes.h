// The largest and the smallest positive weight, kept up to date.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "cpu/dynamic/mass_tree.h"

namespace pysampler {

// A byte per weight: of each leaf, and of sixteen neighbours on each level above, the extremes.
class Extremes {
 public:
  explicit Extremes(const MassTree& tree);

  // To be called after the weights at these places have changed.
  void update(const MassTree& tree, const uint32_t* places, uint64_t count);
  double largest() const { return levels_.back()[0].largest; }     // 0 if there is no positive weight
  double smallest() const { return levels_.back()[0].smallest; }   // infinity if there is none

 private:
  struct Range {
    double largest = 0;
    double smallest = std::numeric_limits<double>::infinity();
  };
  static Range of_leaf(const MassTree& tree, uint64_t leaf);
  Range of_children(uint64_t level, uint64_t node) const;

  std::vector<std::vector<Range>> levels_;  // of the leaves first, a single one last
};

}  // namespace pysampler
