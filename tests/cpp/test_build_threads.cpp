// Tables are the same for any number of threads, and for any target.
#include <atomic>
#include <thread>
#include <vector>

#include "table_checks.h"
#include "targets.h"
#include "weight_families.h"

namespace pysampler {
namespace {

constexpr uint64_t kItems = 270001;  // five tasks

#if defined(__SANITIZE_THREAD__)
constexpr size_t kFamilyStep = 4;  // slow, and races do not depend on the weights much
#else
constexpr size_t kFamilyStep = 1;
#endif

template <class Weight>
void check_threads(const std::string& name, const std::vector<Weight>& weights) {
  const std::vector<AliasEntry> table = table_of(weights, supported_targets().front(), 1);
  check_sound(name, weights, table);
  int threads = 2;
  for_each_target([&](Target target) {
    CHECK(same_table(table_of(weights, target, threads), table));
    threads = threads == 2 ? 3 : 8;
  });
}

void test_any_number_of_threads_gives_the_same_table() {
  for (size_t i = 0; i < weight_families().size(); i += kFamilyStep) {
    const WeightFamily& family = weight_families()[i];
    const std::vector<double> weights = family.weights(kItems);
    if (family.is_float32) {
      check_threads(family.name, std::vector<float>(weights.begin(), weights.end()));
    } else {
      check_threads(family.name, weights);
    }
  }
}

void test_bad_weights_are_named_whatever_the_threads() {
  std::vector<float> weights(kItems, 1.0f);
  weights[200000] = -3.0f;
  for (const int threads : {1, 3}) {
    uint64_t index = 0;
    try {
      table_of(weights, supported_targets().front(), threads);
    } catch (const InvalidWeights& error) {
      index = error.first_index;
    }
    CHECK(index == 200000);
  }
}

void test_tables_are_built_at_the_same_time() {
  const std::vector<double> weights = weight_families()[2].weights(100000);
  const std::vector<AliasEntry> table = table_of(weights);
  std::atomic<int> equal{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] { equal += same_table(table_of(weights, supported_targets().front(), 2), table); });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(equal == 4);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_any_number_of_threads_gives_the_same_table);
  RUN(test_bad_weights_are_named_whatever_the_threads);
  RUN(test_tables_are_built_at_the_same_time);
  return finish_tests();
}
