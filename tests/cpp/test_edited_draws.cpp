// sanitizer: out-of-range float conversions are expected
// Weights that another thread edits while rows of them are drawn from, and indices while a dynamic table takes them: an error
// or indices in range, never a crash, never a number beyond what its type holds. These are races on purpose, so
// ThreadSanitizer has no say here.
#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "cpu/dynamic/dynamic_table.h"
#include "cpu/multinomial/multinomial.h"
#include "cpu/multinomial/row_kernels.h"
#include "random.h"
#include "table_checks.h"
#include "targets.h"

namespace pysampler {
namespace {

using Limits = std::numeric_limits<double>;

const std::vector<double> kEdits = {0.0,  1e-9,   1e9,     -1.0,    -1e-9,  -0.0, 1e20,
                                    1e300, -1e300, 0x1p51, -0x1p51, 5e-324, Limits::quiet_NaN(), Limits::infinity()};

// Goes on putting the edits in places of `numbers`, and then what was there, until it ends.
template <class Number>
class Editor {
 public:
  Editor(std::vector<Number>& numbers, const std::vector<Number>& edits)
      : thread_([this, &numbers, edits, usual = numbers] {
          Random random(numbers.size());
          while (!done_) {
            const uint64_t place = random.below(numbers.size());
            put(&numbers[place], edits[random.below(edits.size())]);
            put(&numbers[place], usual[place]);
          }
        }) {}
  ~Editor() {
    done_ = true;
    thread_.join();
  }

 private:
  static void put(Number* to, Number number) {
    uint64_t bits;
    std::memcpy(&bits, &number, sizeof bits);
    __atomic_store_n(reinterpret_cast<uint64_t*>(to), bits, __ATOMIC_RELAXED);
  }

  std::atomic<bool> done_{false};
  std::thread thread_;
};

template <class Work>
void for_a_while(Work work) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
  while (std::chrono::steady_clock::now() < end) work();
}

// Between the sums of groups and the look at one of them: places stay in the block, or one behind it.
void test_weights_replaced_after_their_groups_were_summed_lead_to_places_in_the_block() {
  constexpr uint64_t kItems = 1000, kUnits = 200;
  for (const double other : {1.0, 0.0}) {
    for (const double edit : kEdits) {
      for (const uint64_t replaced : {uint64_t{1}, uint64_t{3}, kItems}) {
        for_each_target([&](Target target) {
          const RowKernels& kernels = row_kernels(target);
          std::vector<double> weights(kItems, 1.0);
          for (uint64_t i = 0; i < kItems; i += 5) weights[i] = other;
          GroupSums sums;
          sums.weights = view_of(weights);
          sums.block = 0;
          kernels.scale_rows(sums.weights, kItems, &sums.scale);
          CHECK(kernels.sum_groups(kItems * kSlotMass, &sums));
          for (uint64_t i = 0; i < replaced; ++i) weights[i] = edit;
          std::vector<uint64_t> units;
          for (uint64_t i = 0; i < kUnits; ++i) units.push_back(i * kItems * kSlotMass / kUnits);
          std::vector<uint32_t> places(kUnits);
          kernels.find_summed_places(sums, units.data(), kUnits, places.data());
          for (const uint32_t place : places) CHECK(place <= kBlockItems);
        });
      }
    }
  }
}

// Those that cancel each other leave the total as it was, and what lies between them is anything.
void test_weights_replaced_before_their_groups_are_summed_lead_to_places_in_the_block() {
  constexpr uint64_t kItems = 1000, kUnits = 200;
  for (const double edit : kEdits) {
    for_each_target([&](Target target) {
      const RowKernels& kernels = row_kernels(target);
      std::vector<double> weights(kItems, 1.0);
      weights[0] = 0;
      GroupSums sums;
      sums.weights = view_of(weights);
      sums.block = 0;
      kernels.scale_rows(sums.weights, kItems, &sums.scale);
      for (uint64_t i = 0; i < 16; ++i) {
        weights[i] = 1.0 + edit;
        weights[128 + i] = 1.0 - edit;
      }
      if (!kernels.sum_groups(kItems * kSlotMass, &sums)) return;
      std::vector<uint64_t> units;
      for (uint64_t i = 0; i < kUnits; ++i) units.push_back(i * kItems * kSlotMass / kUnits);
      std::vector<uint32_t> places(kUnits);
      kernels.find_summed_places(sums, units.data(), kUnits, places.data());
      for (const uint32_t place : places) CHECK(place <= kBlockItems);
    });
  }
}

void check_rows_edited(uint64_t columns, uint64_t draws, bool replacement) {
  constexpr uint64_t kRows = 3;
  for (const bool with_zeros : {false, true}) {
    std::vector<double> weights(kRows * columns, 1.0);
    for (uint64_t i = 0; with_zeros && i < weights.size(); i += 7) weights[i] = 0;
    std::vector<int64_t> out(kRows * draws);
    Editor<double> editor(weights, kEdits);
    for_a_while([&] {
      for_each_target([&](Target target) {
        try {
          Multinomial job({{weights.data(), kRows, columns, WeightType::kFloat64}, draws, replacement}, {2, {}, target});
          job.draw({5}, out.data(), {2, {}, target});
          for (const int64_t index : out) CHECK(static_cast<uint64_t>(index) < columns);
        } catch (const InvalidWeights&) {
        } catch (const InvalidRow&) {
        } catch (const std::invalid_argument&) {  // without replacement: fewer than there were
        }
      });
    });
  }
}

void test_rows_that_are_edited_give_indices_in_range_or_an_error() {
  check_rows_edited(10, 3, true);
  check_rows_edited(1000, 50, true);
  check_rows_edited(5000, 100, true);
  check_rows_edited(500, 400, true);
}

void test_rows_that_are_edited_give_indices_in_range_or_an_error_without_replacement() {
  check_rows_edited(10, 3, false);
  check_rows_edited(1000, 800, false);
  check_rows_edited(50000, 100, false);
  check_rows_edited(50000, 25000, false);
}

// Every batch is one of several, and then one index of it is beyond the table for a while.
void test_batches_that_are_edited_change_a_dynamic_table_as_a_whole_or_not_at_all() {
  constexpr uint64_t kItems = 700;
  const std::vector<double> ones(kItems, 1.0);
  for (const uint64_t count : {uint64_t{1}, uint64_t{2}, uint64_t{300}}) {
    DynamicTable table(view_of(ones), 0, nullptr, {1, {}});
    std::vector<int64_t> indices(count);
    for (uint64_t i = 0; i < count; ++i) indices[i] = static_cast<int64_t>(i * 2);
    const std::vector<double> weights(count, 2.0);
    const std::vector<int64_t> edits = {-1, kItems, int64_t{1} << 32, int64_t{1} << 40, 699};
    Editor<int64_t> editor(indices, edits);
    for_a_while([&] {
      try {
        table.update(indices.data(), weights.data(), count, {1, {}});
      } catch (const InvalidUpdate&) {
      } catch (const InvalidWeights&) {
      }
    });
    std::vector<double> held(kItems);
    table.all_weights(kItems, held.data());
    const DynamicTable::Summary now = table.summary();
    const DynamicTable::Summary afresh = DynamicTable(view_of(held), 0, &now.scale, {1, {}}).summary();
    CHECK(now.positive == kItems && now.total == afresh.total);
    CHECK(now.fingerprint.low == afresh.fingerprint.low && now.fingerprint.high == afresh.fingerprint.high);
    for (const double weight : held) CHECK(weight == 1.0 || weight == 2.0);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_weights_replaced_after_their_groups_were_summed_lead_to_places_in_the_block);
  RUN(test_weights_replaced_before_their_groups_are_summed_lead_to_places_in_the_block);
  RUN(test_rows_that_are_edited_give_indices_in_range_or_an_error);
  RUN(test_rows_that_are_edited_give_indices_in_range_or_an_error_without_replacement);
  RUN(test_batches_that_are_edited_change_a_dynamic_table_as_a_whole_or_not_at_all);
  return finish_tests();
}
