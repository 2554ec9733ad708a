// Blocks of threads that work together, as the CPU runs them.
#include <algorithm>
#include <vector>

#include "check.h"
#include "core/alias_build.h"
#include "cuda/search.h"
#include "cuda/team.h"
#include "random.h"

namespace pysampler {
namespace {

using cuda::ThreadOrder;

constexpr ThreadOrder kOrders[] = {ThreadOrder::kForward, ThreadOrder::kBackward};

template <uint32_t kThreadCount>
struct SumUp {
  static constexpr uint32_t kThreads = kThreadCount;
  struct Shared {
    WideSum to_reduce[kThreads];
    WideSum to_scan[2][kThreads];
  };

  const uint64_t* numbers;
  WideSum* totals;  // of each block
  WideSum* sums;    // up to and including each number

  template <class Team>
  void operator()(Team& team, Shared& shared) const {
    typename Team::template Own<uint64_t> own;
    team.each([&](uint32_t thread) {
      own[thread] = numbers[team.block() * kThreads + thread];
      shared.to_reduce[thread] = shared.to_scan[0][thread] = {own[thread], 0};
    });
    const WideSum total = cuda::reduce(team, shared.to_reduce, [](WideSum a, WideSum b) { return add(a, b); });
    const WideSum* const scanned = cuda::prefix_sums(team, shared.to_scan);
    team.each([&](uint32_t thread) {
      sums[team.block() * kThreads + thread] = scanned[thread];
      if (thread == 0) totals[team.block()] = total;
    });
  }
};

bool same(WideSum a, WideSum b) { return a.low == b.low && a.high == b.high; }

template <uint32_t kThreads>
void check_sums(ThreadOrder order) {
  constexpr uint32_t kBlocks = 3;
  Random random(kThreads);
  std::vector<uint64_t> numbers(kBlocks * kThreads);
  for (uint64_t& number : numbers) number = random.bits();  // sums beyond 64 bits
  std::vector<WideSum> totals(kBlocks), sums(numbers.size());
  run_team_on_cpu(SumUp<kThreads>{numbers.data(), totals.data(), sums.data()}, kBlocks, order);
  for (uint32_t block = 0; block < kBlocks; ++block) {
    WideSum sum = {0, 0};
    for (uint32_t thread = 0; thread < kThreads; ++thread) {
      sum = add(sum, numbers[block * kThreads + thread]);
      CHECK(same(sums[block * kThreads + thread], sum));
    }
    CHECK(same(totals[block], sum));
  }
}

void test_reductions_and_prefix_sums_are_those_of_one_thread() {
  for (const ThreadOrder order : kOrders) {
    check_sums<1>(order);
    check_sums<2>(order);
    check_sums<128>(order);
    check_sums<1024>(order);
  }
}

// Reads what its neighbour writes in the same step.
struct Racing {
  static constexpr uint32_t kThreads = 32;
  struct Shared {
    uint32_t values[kThreads];
  };

  uint32_t* out;

  template <class Team>
  void operator()(Team& team, Shared& shared) const {
    team.each([&](uint32_t thread) { shared.values[thread] = thread; });
    team.each([&](uint32_t thread) {
      if (thread != 0) shared.values[thread] = shared.values[thread - 1];
    });
    team.each([&](uint32_t thread) { out[thread] = shared.values[thread]; });
  }
};

void test_a_race_within_a_step_shows_in_the_order_of_threads() {
  std::vector<uint32_t> forward(32), backward(32);
  run_team_on_cpu(Racing{forward.data()}, 1, ThreadOrder::kForward);
  run_team_on_cpu(Racing{backward.data()}, 1, ThreadOrder::kBackward);
  CHECK(forward != backward);
}

void test_searches_count_what_is_below() {
  Random random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint64_t> numbers(random.below(20));
    for (uint64_t& number : numbers) number = random.below(30);
    if (round % 4 == 0 && !numbers.empty()) numbers.back() = UINT64_MAX;
    std::sort(numbers.begin(), numbers.end());
    for (const uint64_t key : {uint64_t{0}, random.below(31), random.below(31), UINT64_MAX - 1, UINT64_MAX}) {
      uint32_t below = 0, up_to = 0;
      for (const uint64_t number : numbers) {
        below += number < key;
        up_to += number <= key;
      }
      CHECK(cuda::count_below(numbers.data(), static_cast<uint32_t>(numbers.size()), key) == below);
      CHECK(cuda::count_up_to(numbers.data(), static_cast<uint64_t>(numbers.size()), key) == up_to);
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_reductions_and_prefix_sums_are_those_of_one_thread);
  RUN(test_a_race_within_a_step_shows_in_the_order_of_threads);
  RUN(test_searches_count_what_is_below);
  return finish_tests();
}
