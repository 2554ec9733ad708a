// One plan of a mixture, drawn from by many threads with a cursor each: the same bits as by one, on every target.
#include <algorithm>
#include <thread>

#include "check.h"
#include "mixture_reference.h"
#include "targets.h"

namespace pysampler {
namespace {

void test_threads_share_a_plan_and_draw_what_one_would() {
  Random random(1);
  for (int run = 0; run < 8; ++run) {
    const ReferenceMixture mixture = random_mixture(random);
    const auto plan = plan_of(mixture.window, mixture.sizes, mixture.stages);
    constexpr uint64_t kCount = 6000;
    std::vector<int64_t> expected(kCount);
    MixtureCursor(plan, 7, Target::kPortable).draw(0, 1, kCount, expected.data());
    for_each_target([&](Target target) {
      for (const uint64_t ranks : {2, 5}) {  // every R-th position each
        std::vector<std::vector<int64_t>> found(ranks);
        std::vector<std::thread> threads;
        for (uint64_t rank = 0; rank < ranks; ++rank) {
          found[rank].resize((kCount - 1 - rank) / ranks + 1);
          threads.emplace_back([&, rank] {
            MixtureCursor cursor(plan, 7, target);
            cursor.draw(rank, ranks, found[rank].size(), found[rank].data());
          });
        }
        for (std::thread& thread : threads) thread.join();
        bool same = true;
        for (uint64_t i = 0; i < kCount; ++i) same &= found[i % ranks][i / ranks] == expected[i];
        CHECK(same);
      }
    });
  }
}

void test_a_new_plan_takes_nothing_from_those_that_draw_from_the_old_one() {
  const std::vector<uint64_t> sizes(40, 30);
  std::vector<Uint128> shares(40, 1);
  const std::vector<ReferenceStage> first = {{0, masses_of(shares)}};
  shares[7] = 1000;
  const std::vector<ReferenceStage> both = {{0, first[0].masses}, {100, masses_of(shares)}};
  std::shared_ptr<const MixturePlan> plan = plan_of(16, sizes, first);
  std::vector<int64_t> old(3200), found(3200);
  std::thread reader([&, kept = plan] { MixtureCursor(kept, 1, Target::kPortable).draw(0, 1, 3200, old.data()); });
  plan = plan_of(16, sizes, both);
  MixtureCursor(plan, 1, Target::kPortable).draw(0, 1, 3200, found.data());
  reader.join();
  CHECK(std::equal(old.begin(), old.begin() + 1600, found.begin()));
  CHECK(std::count_if(found.begin() + 1600, found.end(), [](int64_t i) { return i / 30 == 7; }) > 1400);
  CHECK(std::count_if(old.begin() + 1600, old.end(), [](int64_t i) { return i / 30 == 7; }) < 100);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_threads_share_a_plan_and_draw_what_one_would);
  RUN(test_a_new_plan_takes_nothing_from_those_that_draw_from_the_old_one);
  return finish_tests();
}
