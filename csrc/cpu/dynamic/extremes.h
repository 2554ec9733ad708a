// The largest and the smallest positive weight, kept up to date.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/dynamic/mass_tree.h"

namespace pysampler {

// A byte per weight: of each leaf, and of sixteen neighbours on each level above, the extremes.
class Extremes {
 public:
  explicit Extremes(const MassTree& tree);

  // To be called after the weights at these places have changed. Goes up as far as something is different: of random
  // updates a quarter to the second level, one in a hundred to the third.
  void update(const MassTree& tree, const uint32_t* places, uint64_t count);
  double largest() const;   // 0 if there is no positive weight
  double smallest() const;  // infinity if there is none

 private:
  // Weights are compared by their bits, as signed integers: they are not negative, and zeros are +0.0. Of the smallest
  // one is subtracted, with the sign bit clear, which makes zeros the largest.
  struct Range {
    int64_t largest;
    int64_t smallest_less_one;
    bool operator==(const Range& other) const {
      return largest == other.largest && smallest_less_one == other.smallest_less_one;
    }
  };
  template <class Bits>
  static Range range_of(const void* weights);
  static Range of_leaf(const MassTree& tree, uint64_t leaf);
  Range of_children(uint64_t level, uint64_t node) const;
  Range with_child(uint64_t level, uint64_t node, Range before, Range after) const;

  std::vector<std::vector<Range>> levels_;  // of the leaves first, a single one last
  WeightType type_;
};

}  // namespace pysampler
