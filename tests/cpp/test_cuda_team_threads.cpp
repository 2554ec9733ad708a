// The GPU's blocks of threads as threads of the CPU: under ThreadSanitizer, a step that lacks a barrier is a race.
#include <cstring>
#include <string>
#include <vector>

#include "cuda/coverage/mark_body.h"
#include "gpu_build.h"
#include "random.h"
#include "table_checks.h"
#include "concurrent_team.h"
#include "weight_families.h"

namespace pysampler {
namespace {

struct ThreadQueue {
  uint32_t most_threads = 1024;  // of a block; larger ones take seconds each, and one table shows what they do

  template <class Body>
  void team(const Body& body, uint32_t blocks) {
    if (Body::kThreads <= most_threads) {
      run_team_on_threads(body, blocks);
    } else {
      run_team_on_cpu(body, blocks);
    }
  }
  template <class Body>
  void body(const Body& body, cuda::Grid grid) {
    run_on_cpu(body, grid);
  }
};

// Replaces a weight just before the masses are made.
struct EditingQueue : ThreadQueue {
  std::vector<double>* weights;

  using ThreadQueue::team;
  void team(const cuda::Pack<double>& body, uint32_t blocks) {
    (*weights)[9] = 1e9;
    ThreadQueue::team(body, blocks);
  }
};

template <class Weight>
void check_same(const std::vector<double>& weights, uint32_t most_threads) {
  const std::vector<Weight> as_given(weights.begin(), weights.end());
  ThreadQueue queue = {most_threads};
  const GpuBuilt built = build_with(queue, as_given, 1);
  CHECK(built.outcome.is_good() && same_table(built.table, table_of(as_given)));
}

// All passes and their branches: weights summed twice, with small ones among them; a mass that the largest must take.
void test_tables_are_the_cpus_whichever_thread_is_ahead() {
  for (const WeightFamily& family : weight_families()) {
    if (family.name == "1e308 and ones") check_same<double>(family.weights(1025), 1024);
    if (family.name == "first outweighs all") check_same<float>(family.weights(1100), 256);
    if (family.name == "uniform") check_same<float>(family.weights(3000), 256);
  }
}

void test_weights_that_changed_stop_all_threads_alike() {
  std::vector<double> weights(500, 1.0);
  EditingQueue editing;
  editing.most_threads = 256;
  editing.weights = &weights;
  CHECK(build_with(editing, weights, 1).outcome.changed != 0);
}

void test_bits_are_counted_whichever_thread_is_ahead() {
  const std::vector<uint64_t> words(700, 0xF0F0);
  uint64_t total = 0;
  const cuda::Grid grid = {2, cuda::CountBits::kThreads};
  run_team_on_threads(cuda::CountBits{words.data(), nullptr, words.size(), &total, grid}, grid.blocks);
  CHECK(total == 700 * 8);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_tables_are_the_cpus_whichever_thread_is_ahead);
  RUN(test_weights_that_changed_stop_all_threads_alike);
  RUN(test_bits_are_counted_whichever_thread_is_ahead);
  return finish_tests();
}
