// The upper levels of a tree of masses as one list: what a batch of draws or updates asks of them again and again.
//
// A draw that goes down these levels one by one pays for each; in the list it begins where a table of guides says (Chen
// and Asau 1974) and is there after a comparison or two, whatever the weights: units are uniform, so on average there are
// no more ends between a guide and its unit than there are ends for a guide. The list is made anew for each batch, since
// any update changes it, so it is for batches that are longer than it.
#pragma once

#include <cstdint>

#include "cpu/dynamic/tree_kernels.h"

namespace pysampler {

constexpr uint64_t kMostCrown = 512;    // nodes in a list: 4 KB
constexpr uint64_t kMostChanged = 4096;  // nodes that updates are summed for: 32 KB
constexpr uint64_t kCompared = 8;        // ends that are compared at a time

struct Crown {
  int level;  // that the nodes in the list are of, -1 for leaves
  int shift;
  alignas(64) uint64_t before[kMostCrown + kCompared];  // the mass before each; beyond the last, more than any unit
  uint16_t guides[kMostCrown];  // the last node that begins at or before guide << shift
};

// The lowest level of no more nodes than there are in the batch; the root's if that is the only one.
int crown_level(const TreeView& tree, uint64_t batch, uint64_t most);

// Makes the list of a level below the root's, of no more than kMostCrown nodes.
void make_crown(const TreeView& tree, int level, uint64_t total, Crown* crown);

// Adds the differences to all levels above that one, below the root's and of no more than kMostChanged nodes.
void add_to_crown(const TreeView& tree, int level, const uint32_t* places, const uint64_t* differences, uint64_t count);

}  // namespace pysampler
