// A plain binary sum tree of doubles, the usual structure of prioritised replay (Schaul et al. 2016): an implicit tree
// in one array, descents without branches. What a dynamic table is compared with.
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

struct SumTree {
  int64_t leaves;  // a power of two
  double* sums;    // sums[1] is all; the children of i are 2 i and 2 i + 1; leaf k is at leaves + k
};

uint64_t next_word(uint64_t* state) {  // SplitMix64
  uint64_t z = *state += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

int64_t find(const SumTree& tree, double unit) {
  int64_t node = 1;
  while (node < tree.leaves) {
    const double left = tree.sums[2 * node];
    const bool right = unit >= left;
    unit -= right ? left : 0.0;
    node = 2 * node + right;
  }
  return node - tree.leaves;
}

void set(const SumTree& tree, int64_t place, double weight) {
  int64_t node = tree.leaves + place;
  tree.sums[node] = weight;
  for (node /= 2; node >= 1; node /= 2) tree.sums[node] = tree.sums[2 * node] + tree.sums[2 * node + 1];
}

}  // namespace

extern "C" SumTree* sum_tree_make(const float* weights, int64_t items) {
  auto* const tree = new SumTree{1, nullptr};
  while (tree->leaves < items) tree->leaves *= 2;
  const auto bytes = static_cast<size_t>(2 * tree->leaves) * sizeof(double);
  tree->sums = static_cast<double*>(std::aligned_alloc(64, bytes < 64 ? 64 : bytes));
  for (int64_t i = 0; i < tree->leaves; ++i) tree->sums[tree->leaves + i] = i < items ? weights[i] : 0.0;
  for (int64_t i = tree->leaves - 1; i >= 1; --i) tree->sums[i] = tree->sums[2 * i] + tree->sums[2 * i + 1];
  return tree;
}

extern "C" void sum_tree_free(SumTree* tree) {
  std::free(tree->sums);
  delete tree;
}

extern "C" void sum_tree_draw(const SumTree* tree, uint64_t seed, int64_t count, int64_t* out) {
  const double scale = tree->sums[1] * 0x1p-53;
  for (int64_t i = 0; i < count; ++i) out[i] = find(*tree, static_cast<double>(next_word(&seed) >> 11) * scale);
}

extern "C" void sum_tree_update(const SumTree* tree, const int64_t* indices, const float* weights, int64_t count) {
  for (int64_t i = 0; i < count; ++i) set(*tree, indices[i], weights[i]);
}

extern "C" void sum_tree_ones(const SumTree* tree, uint64_t seed, int64_t count, const float* weights) {
  for (int64_t i = 0; i < count; ++i) {
    const double unit = static_cast<double>(next_word(&seed) >> 11) * (tree->sums[1] * 0x1p-53);
    set(*tree, find(*tree, unit), weights[i]);
  }
}
