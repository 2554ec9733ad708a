// Systematic tables and draws: the same bits for any number of threads and any target.
#include <algorithm>
#include <vector>

#include "check.h"
#include "cpu/systematic/mass_table.h"
#include "cpu/systematic/systematic_pass.h"
#include "random.h"
#include "targets.h"

namespace pysampler {
namespace {

constexpr uint64_t kItems = 1'050'000;  // nine tasks: enough for two threads

std::vector<uint64_t> random_masses() {
  Random random(1);
  std::vector<uint64_t> masses(kItems);
  for (uint64_t& mass : masses) mass = random.below(3) * random.below(uint64_t{1} << 33);
  return masses;
}

std::vector<int64_t> random_labels() {
  Random random(2);
  std::vector<int64_t> labels(kItems);
  for (int64_t& label : labels) label = static_cast<int64_t>(random.below(50));
  return labels;
}

void test_any_number_of_threads_builds_the_same_table() {
  const std::vector<uint64_t> masses = random_masses();
  const std::vector<int64_t> labels = random_labels();
  for (const int64_t* classes : {static_cast<const int64_t*>(nullptr), labels.data()}) {
    const uint64_t count = classes == nullptr ? 1 : 50;
    const MassTable expected = mass_table_of_items(masses.data(), kItems, classes, count, {});
    for (const int threads : {2, 8}) {
      const MassTable found = mass_table_of_items(masses.data(), kItems, classes, count, {threads, {}});
      const MassIndex one = expected.masses.index(), other = found.masses.index();
      CHECK(one.shift == other.shift);
      CHECK(std::equal(one.begins, one.begins + kItems + 1, other.begins));
      CHECK(std::equal(one.guide, one.guide + one.bucket_of(expected.total() - 1) + 2, other.guide));
      CHECK(expected.fingerprint().high == found.fingerprint().high);
    }
  }
}

void test_any_number_of_threads_draws_the_same() {
  const std::vector<uint64_t> masses = random_masses();
  const std::vector<int64_t> labels = random_labels();
  const auto table =
      std::make_shared<const MassTable>(mass_table_of_items(masses.data(), kItems, labels.data(), 50, {}));
  constexpr uint64_t kCount = 100'001;  // enough for three threads
  for (const uint64_t batch : {0, 10}) {
    const SystematicPass pass(table, 5, 6, 3 * kCount, batch);
    std::vector<int64_t> expected(kCount);
    pass.draw({1, 3, kCount}, expected.data(), {1, {}, Target::kPortable});
    for_each_target([&](Target target) {
      for (const int threads : {2, 8}) {
        std::vector<int64_t> found(kCount + 16, -7);
        pass.draw({1, 3, kCount}, found.data() + 8, {threads, {}, target});
        CHECK(std::equal(expected.begin(), expected.end(), found.begin() + 8));
        CHECK(std::count(found.begin(), found.begin() + 8, -7) == 8);
        CHECK(std::count(found.end() - 8, found.end(), -7) == 8);
      }
    });
  }
}

void test_an_interrupt_stops_draws_and_builds() {
  const std::vector<uint64_t> masses = random_masses();
  const Execution stopped = {2, [] { return true; }};
  CHECK(THROWS(mass_table_of_items(masses.data(), kItems, nullptr, 1, stopped), Interrupted));
  const auto table = std::make_shared<const MassTable>(mass_table_of_items(masses.data(), kItems, nullptr, 1, {}));
  std::vector<int64_t> out(kItems);
  const SystematicPass pass(table, 1, 0, kItems, 0);
  CHECK(THROWS(pass.draw({0, 1, kItems}, out.data(), stopped), Interrupted));
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_any_number_of_threads_builds_the_same_table);
  RUN(test_any_number_of_threads_draws_the_same);
  RUN(test_an_interrupt_stops_draws_and_builds);
  return finish_tests();
}
