// What is done to the tree of a dynamic table, for each instruction set and type of weights.
#pragma once

#include <cstdint>

#include "core/alias_build.h"
#include "core/dynamic_table.h"
#include "core/fingerprint.h"
#include "core/stream.h"
#include "core/weights.h"
#include "cpu/simd/target.h"

namespace pysampler {

constexpr int kMostLevels = 7;          // 16 * 16^7 = 2^32 weights
constexpr uint64_t kTogether = 64;      // words that are made at a time
constexpr uint64_t kFound = 512;        // draws that are looked up in one call, at most
constexpr uint64_t kInStep = 8;         // of them, those that go down the tree in step
constexpr uint64_t kCrownedStep = 16;   // the same where they begin near the leaves, with few levels to work on
constexpr uint64_t kExchanged = 64;     // updates that are made side by side

// The leaves, and above them nodes of sixteen children that hold the mass before each child (core/dynamic_table.h).
// Node k of level l has the nodes 16 * k ... of the level below as its children, the leaves those of level 0.
struct TreeView {
  void* weights;                    // sixteen to a leaf, zeros beyond the last
  uint64_t* levels[kMostLevels];    // sixteen numbers to a node; the last level in use is one node
  uint64_t leaves;                  // at least 1
  int depth;                        // levels in use, at least 1
  int scale;
  // Of a level; of level -1 the leaves.
  uint64_t nodes(int level) const { return ((leaves - 1) >> (4 * (level + 1))) + 1; }
};

struct Crown;

// What a batch of updates changes besides the tree.
struct BatchChange {
  WideSum gained, lost;             // mass
  uint64_t fingerprint_low, fingerprint_high;
  int64_t positive;
};

struct TreeKernels {
  // items[i] = the item that owns units[i], for i in [0, count), count <= kFound. `units` is used up. Begins at the tree's
  // root, or in its crown (crown.h).
  void (*find)(const TreeView& tree, const Crown* crown, uint64_t* units, uint64_t count, int64_t* items);
  // The item that owns a unit.
  int64_t (*find_one)(const TreeView& tree, uint64_t unit);
  // words[i] = the stream's word at start + i * step, for i in [0, kTogether).
  void (*words)(Stream stream, uint64_t start, uint64_t step, uint64_t* words);
  // Copies a batch. False if an index is not below `items`, or a weight not finite or negative.
  bool (*take)(const int64_t* indices, const void* weights, uint64_t count, uint64_t items, uint32_t* places,
               void* copies);
  // Puts weights in their places, one after another; differences[i] = what its mass grew by, modulo 2^64.
  void (*exchange)(const TreeView& tree, const uint32_t* places, const void* weights, uint64_t count,
                   uint64_t* differences, BatchChange* change);
  // Adds the differences to all levels.
  void (*add)(const TreeView& tree, const uint32_t* places, const uint64_t* differences, uint64_t count);
  // Fills nodes of the lowest level from the leaves, of which there are `leaves`; totals[i] = the mass of node first + i.
  void (*build)(const TreeView& tree, uint64_t first, uint64_t count, uint64_t leaves, uint64_t* totals);
  // The mass of the weights of some leaves under any scale.
  WideSum (*sum)(const void* weights, uint64_t count, int scale);
  // masses[i] = the mass of weight i, for i in [0, count).
  void (*masses)(const TreeView& tree, uint64_t count, uint64_t* masses);
};

const TreeKernels& tree_kernels(Target target, WeightType type);

}  // namespace pysampler
