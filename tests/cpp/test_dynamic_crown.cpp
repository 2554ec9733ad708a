// The list of a tree's upper levels: batches that begin in it find what single draws find, and change what single updates
// change.
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "check.h"
#include "cpu/dynamic/crown.h"
#include "cpu/dynamic/dynamic_table.h"
#include "random.h"
#include "targets.h"

namespace pysampler {
namespace {

struct Law {
  const char* name;
  std::function<double(uint64_t item, uint64_t items, Random* random)> weight;
};

// Laws under which ends of nodes crowd together in the list, at its beginning, its end, or in one place.
const std::vector<Law>& laws() {
  static const std::vector<Law> all = {
      {"uniform", [](uint64_t, uint64_t, Random* random) { return random->uniform() + 0.01; }},
      {"zeros", [](uint64_t, uint64_t, Random* random) { return random->below(1000) == 0 ? 1.0 : 0.0; }},
      {"first", [](uint64_t i, uint64_t, Random*) { return i == 0 ? 1.0 : 1e-12; }},
      {"middle", [](uint64_t i, uint64_t n, Random*) { return i == n / 2 ? 1.0 : 1e-12; }},
      {"last", [](uint64_t i, uint64_t n, Random*) { return i + 1 == n ? 1.0 : 1e-12; }},
      {"only the last", [](uint64_t i, uint64_t n, Random*) { return i + 1 == n ? 1.0 : 0.0; }},
      {"only the first", [](uint64_t i, uint64_t, Random*) { return i == 0 ? 1.0 : 0.0; }},
      {"falling", [](uint64_t i, uint64_t n, Random*) { return std::exp2(-200.0 * double(i) / double(n)); }},
  };
  return all;
}

std::vector<double> weights_of(const Law& law, uint64_t items) {
  Random random(items);
  std::vector<double> weights(items);
  for (uint64_t i = 0; i < items; ++i) weights[i] = law.weight(i, items, &random);
  return weights;
}

DynamicTable table_of(const std::vector<double>& weights, Target target) {
  return DynamicTable({weights.data(), weights.size(), WeightType::kFloat64}, 0, nullptr, {1, {}, target});
}

void test_a_list_says_which_node_owns_a_unit() {
  for (const uint64_t items : {17, 300, 5000, 70'000}) {
    for (const Law& law : laws()) {
      const std::vector<double> weights = weights_of(law, items);
      if (*std::max_element(weights.begin(), weights.end()) == 0) continue;
      MassTree tree(items, WeightType::kFloat64);
      std::copy(weights.begin(), weights.end(), static_cast<double*>(tree.weights()));
      tree.build(tree.fresh_scale({}), {});
      const TreeView& view = tree.view();
      const int level = crown_level(view, kMostCrown, kMostCrown);
      CHECK(view.nodes(level) <= kMostCrown && (level < 0 || view.nodes(level - 1) > kMostCrown));
      if (level + 1 == view.depth) continue;
      Crown crown;
      make_crown(view, level, tree.total(), &crown);
      const uint64_t nodes = view.nodes(level), per_node = kChildren << (4 * (level + 1));
      uint64_t sum = 0;
      bool same = true;
      for (uint64_t node = 0; node < nodes; ++node) {
        same &= crown.before[node] == sum;
        for (uint64_t i = node * per_node; i < std::min(items, (node + 1) * per_node); ++i) {
          sum += mass_of(weights[i], view.scale);
        }
      }
      CHECK(same && sum == tree.total());
      bool led = true;
      Random random(7);
      for (uint64_t i = 0; i < 2000; ++i) {
        // At random, and on both sides of ends.
        const uint64_t end = crown.before[random.below(nodes)];
        const uint64_t choices[] = {random.below(sum), std::min(end, sum - 1), end == 0 ? 0 : end - 1, sum - 1};
        const uint64_t unit = choices[i % 4];
        const uint64_t* const after = std::upper_bound(crown.before, crown.before + nodes, unit);
        const auto owner = static_cast<uint64_t>(after - crown.before - 1);
        const uint64_t guide = crown.guides[unit >> crown.shift];
        led &= guide <= owner && crown.before[guide] <= (unit >> crown.shift) << crown.shift;
      }
      CHECK(led);
    }
  }
}

void test_draws_in_batches_are_those_one_by_one() {
  for_each_target([](Target target) {
    for (const uint64_t items : {17, 300, 5000, 70'000, 300'000}) {
      for (const Law& law : laws()) {
        const std::vector<double> weights = weights_of(law, items);
        if (*std::max_element(weights.begin(), weights.end()) == 0) continue;
        const DynamicTable table = table_of(weights, target);
        const Stream stream = make_stream(items, 1);
        std::vector<int64_t> ones(2100);
        for (uint64_t i = 0; i < ones.size(); ++i) table.draw(stream, i, 1, 0, 1, &ones[i], {});
        for (const uint64_t batch : {15, 16, 100, 511, 512, 513, 2100}) {
          std::vector<int64_t> together(batch, -7);
          table.draw(stream, 0, 1, 0, batch, together.data(), {});
          CHECK(std::equal(together.begin(), together.end(), ones.begin()));
        }
      }
    }
  });
}

std::vector<uint64_t> words_of_table(const DynamicTable& table) {
  std::vector<uint64_t> words(table.pack(nullptr, 0));
  table.pack(words.data(), words.size());
  return words;
}

void test_updates_in_batches_change_what_those_one_by_one_do() {
  for_each_target([](Target target) {
    for (const uint64_t items : {17, 300, 5000, 70'000}) {
      const std::vector<double> weights = weights_of(laws()[0], items);
      for (const uint64_t batch : {2, 31, 256, 4095, 4096, 9000}) {
        for (const uint64_t span : {items, uint64_t{3}}) {  // anywhere, and again and again in the same places
          DynamicTable together = table_of(weights, target), single = table_of(weights, target);
          Random random(batch);
          std::vector<int64_t> places(batch);
          std::vector<double> values(batch);
          for (uint64_t i = 0; i < batch; ++i) {
            places[i] = static_cast<int64_t>(items - 1 - random.below(span));
            values[i] = random.below(4) == 0 ? 0.0 : random.uniform();
          }
          together.update(places.data(), values.data(), batch, {});
          for (uint64_t i = 0; i < batch; ++i) single.update(&places[i], &values[i], 1, {});
          CHECK(words_of_table(together) == words_of_table(single));
        }
      }
    }
  });
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_a_list_says_which_node_owns_a_unit);
  RUN(test_draws_in_batches_are_those_one_by_one);
  RUN(test_updates_in_batches_change_what_those_one_by_one_do);
  return finish_tests();
}
