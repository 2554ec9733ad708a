// Draws and updates of one table at the same time: every call sees the table before or after any other, never between.
#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "cpu/dynamic/dynamic_table.h"
#include "random.h"
#include "targets.h"

namespace pysampler {
namespace {

// A batch gives all the mass to one half of the items or to the other. Whoever saw it half done would draw from both.
void test_a_draw_never_sees_half_an_update() {
  constexpr uint64_t kItems = 1024, kHalf = kItems / 2;
  for_each_target([](Target target) {
    std::vector<float> weights(kItems, 0.0f);
    std::fill(weights.begin(), weights.begin() + kHalf, 1.0f);
    DynamicTable table({weights.data(), kItems, WeightType::kFloat32}, 0, nullptr, {1, {}, target});
    std::atomic<bool> done{false};
    std::atomic<uint64_t> mixed{0}, draws{0}, low{0}, high{0};
    const auto read = [&](uint64_t seed) {
      std::vector<int64_t> items(200);
      for (uint64_t epoch = 0; !done || epoch < 5; ++epoch) {
        table.draw(make_stream(seed, epoch), 0, 1, 0, items.size(), items.data(), {});
        const auto lower = static_cast<uint64_t>(
            std::count_if(items.begin(), items.end(), [](int64_t item) { return item < int64_t{kHalf}; }));
        mixed += lower != 0 && lower != items.size();
        (lower != 0 ? low : high) += 1;
        draws += 1;
        const DynamicTable::Summary now = table.summary();
        mixed += now.positive != kHalf;
      }
    };
    std::vector<std::thread> readers;
    for (uint64_t i = 0; i < 3; ++i) readers.emplace_back(read, i);
    std::vector<int64_t> indices(kItems);
    for (uint64_t i = 0; i < kItems; ++i) indices[i] = static_cast<int64_t>(i);
    for (int round = 0; round < 300; ++round) {
      std::rotate(weights.begin(), weights.begin() + kHalf, weights.end());
      table.update(indices.data(), weights.data(), kItems, {});
    }
    done = true;
    for (std::thread& reader : readers) reader.join();
    CHECK(mixed == 0);
    CHECK(draws > 0 && table.version() == 300);
  });
}

void test_updates_of_several_threads_end_in_the_same_table() {
  constexpr uint64_t kItems = 4000, kThreads = 4;
  const std::vector<float> ones(kItems, 1.0f);
  DynamicTable table({ones.data(), kItems, WeightType::kFloat32}, 0, nullptr, {});
  std::vector<float> expected(kItems);
  std::vector<std::thread> writers;
  for (uint64_t thread = 0; thread < kThreads; ++thread) {
    writers.emplace_back([&, thread] {  // each has items of its own, next to the others'
      Random random(thread);
      for (int round = 0; round < 200; ++round) {
        int64_t indices[20];
        float weights[20];
        for (int i = 0; i < 20; ++i) {
          indices[i] = static_cast<int64_t>(random.below(kItems / kThreads) * kThreads + thread);
          weights[i] = static_cast<float>(random.uniform());
        }
        table.update(indices, weights, 20, {});
      }
      for (uint64_t i = thread; i < kItems; i += kThreads) {
        const auto index = static_cast<int64_t>(i);
        expected[i] = static_cast<float>(i % 7);
        table.update(&index, &expected[i], 1, {});
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const int scale = table.summary().scale;
  const DynamicTable fresh({expected.data(), kItems, WeightType::kFloat32}, 0, &scale, {});
  CHECK(fresh.summary().fingerprint.low == table.summary().fingerprint.low);
  CHECK(fresh.summary().total == table.summary().total);
}

void test_any_number_of_threads_builds_and_draws_the_same() {
  constexpr uint64_t kItems = 300'000, kDraws = 500'000;
  Random random(5);
  std::vector<double> weights(kItems);
  for (double& weight : weights) weight = random.uniform();
  std::vector<int64_t> expected(kDraws), found(kDraws);
  const WeightView view = {weights.data(), kItems, WeightType::kFloat64};
  const DynamicTable one(view, 0, nullptr, {});
  one.draw(make_stream(1, 2), 3, 5, 0, kDraws, expected.data(), {});
  for (const int threads : {2, 5}) {
    const DynamicTable table(view, 0, nullptr, {threads, {}});
    CHECK(table.summary().total == one.summary().total && table.summary().scale == one.summary().scale);
    table.draw(make_stream(1, 2), 3, 5, 0, kDraws, found.data(), {threads, {}});
    CHECK(found == expected);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_a_draw_never_sees_half_an_update);
  RUN(test_updates_of_several_threads_end_in_the_same_table);
  RUN(test_any_number_of_threads_builds_and_draws_the_same);
  return finish_tests();
}
