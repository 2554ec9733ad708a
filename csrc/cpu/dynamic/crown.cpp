#include "cpu/dynamic/crown.h"

#include <algorithm>

#include "core/dynamic_table.h"

namespace pysampler {

int crown_level(const TreeView& tree, uint64_t batch, uint64_t most) {
  const uint64_t limit = std::min(batch, most);
  int level = tree.depth - 1;
  while (level >= 0 && tree.nodes(level - 1) <= limit) --level;
  return level;
}

void make_crown(const TreeView& tree, int level, uint64_t total, Crown* crown) {
  uint64_t* const before = crown->before;
  before[0] = 0;
  for (int above = tree.depth - 1; above > level; --above) {
    // From the last node on: its children come to lie behind all nodes that are still to be read.
    for (uint64_t node = tree.nodes(above); node-- > 0;) {
      const uint64_t base = before[node], first = node * kChildren;
      const uint64_t children = std::min(kChildren, tree.nodes(above - 1) - first);
      const uint64_t* const from = tree.levels[above] + first;
      for (uint64_t i = 0; i < children; ++i) before[first + i] = base + from[i];
    }
  }
  const uint64_t count = tree.nodes(level);
  std::fill_n(before + count, kCompared, kTotalLimit - 1);
  // Guides for half as many: two ends for each on average.
  int shift = 0;
  while ((total - 1) >> shift >= (count + 1) / 2) ++shift;
  const uint64_t guides = ((total - 1) >> shift) + 1, rest = (uint64_t{1} << shift) - 1;
  std::fill_n(crown->guides, guides, uint16_t{0});
  for (uint64_t node = 0; node < count; ++node) {
    const uint64_t guide = (before[node] + rest) >> shift;
    if (guide < guides) crown->guides[guide] = static_cast<uint16_t>(node);  // of several the last
  }
  for (uint64_t guide = 1; guide < guides; ++guide) {
    crown->guides[guide] = std::max(crown->guides[guide - 1], crown->guides[guide]);
  }
  crown->level = level;
  crown->shift = shift;
}

void add_to_crown(const TreeView& tree, int level, const uint32_t* places, const uint64_t* differences,
                  uint64_t count) {
  uint64_t sums[kMostChanged];
  const uint64_t nodes = (tree.nodes(level) + kChildren - 1) / kChildren * kChildren;
  // Into a few sums many go one after another: two of each, so that the second need not wait for the first.
  const uint64_t other = 2 * nodes <= kMostChanged ? nodes : 0;
  std::fill_n(sums, nodes + other, uint64_t{0});
  const int bits = 4 * (level + 2);
  for (uint64_t i = 0; i < count; ++i) sums[i % 2 * other + (static_cast<uint64_t>(places[i]) >> bits)] += differences[i];
  for (uint64_t i = 0; i < other; ++i) sums[i] += sums[other + i];
  for (int above = level + 1; above < tree.depth; ++above) {
    const uint64_t parents = tree.nodes(above);
    for (uint64_t parent = 0; parent < parents; ++parent) {
      uint64_t* const before = tree.levels[above] + parent * kChildren;
      const uint64_t* const own = sums + parent * kChildren;
      uint64_t sum = 0;
      for (uint64_t child = 0; child < kChildren; ++child) {
        before[child] += sum;
        sum += own[child];
      }
      sums[parent] = sum;  // its children's were read: parent <= parent * kChildren
    }
    std::fill(sums + parents, sums + (parents + kChildren - 1) / kChildren * kChildren, uint64_t{0});
  }
}

}  // namespace pysampler
