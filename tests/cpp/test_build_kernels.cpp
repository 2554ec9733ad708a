// The sums that construction starts from, against the written order of additions, bit for bit, on every target.
#include <algorithm>
#include <limits>
#include <vector>

#include "check.h"
#include "cpu/table/build_kernels.h"
#include "random.h"
#include "targets.h"

namespace pysampler {
namespace {

const std::vector<uint64_t> kItemCounts = {1, 15, 17, 1000, 1024, 1025, 5000, 70001, 140000};

template <class Weight>
WeightView view(const std::vector<Weight>& weights) {
  return {weights.data(), weights.size(), sizeof(Weight) == 4 ? WeightType::kFloat32 : WeightType::kFloat64};
}

// Of many magnitudes, so that sums in another order have other bits.
template <class Weight>
std::vector<Weight> rough_weights(uint64_t items) {
  Random random(items);
  std::vector<Weight> weights(items);
  for (Weight& weight : weights) {
    const double size = random.below(3) == 0 ? 1e-9 : random.below(3) == 0 ? 1e-3 : 1.0;
    weight = random.below(10) == 0 ? Weight(0) : static_cast<Weight>(random.uniform() * size);
  }
  weights[items / 2] = Weight(0.5);
  return weights;
}

// The sum of what `kept` leaves of each weight: eight lanes over the groups, then the tree of sum_of_lanes().
template <class Weight, class Kept>
double sum_as_written(const std::vector<Weight>& weights, uint64_t block, Kept kept) {
  const BlockLayout layout = block_layout(weights.size());
  double lanes[8] = {};
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = layout.group_start(block, group);
    const auto weight = [&](uint64_t i) { return start + i < weights.size() ? kept(weights[start + i]) : 0.0; };
    for (uint64_t l = 0; l < 8; ++l) lanes[l] += weight(l) + weight(l + 8);
  }
  return sum_of_lanes(lanes);
}

// Calls test(first, count) for all blocks at once and for a few in the middle.
template <class Test>
void for_stretches(uint64_t blocks, Test test) {
  test(uint64_t{0}, blocks);
  test(blocks / 2, std::min<uint64_t>(3, blocks - blocks / 2));
}

template <class Weight>
void check_sums(double prescale) {
  for (const uint64_t items : kItemCounts) {
    const std::vector<Weight> weights = rough_weights<Weight>(items);
    for_stretches(block_layout(items).blocks, [&](uint64_t first, uint64_t count) {
      for_each_target([&](Target target) {
        std::vector<double> sums(count);
        ScanResult scan;
        build_kernels(target).sum_blocks(view(weights), prescale, first, count, sums.data(), &scan);
        for (uint64_t b = 0; b < count; ++b) {
          CHECK(sums[b] == sum_as_written(weights, first + b, [&](double weight) { return weight * prescale; }));
        }
        CHECK(scan.all_valid);
        if (count != block_layout(items).blocks) return;
        double largest = 0, smallest = std::numeric_limits<double>::infinity();
        for (const Weight weight : weights) {
          largest = std::max(largest, weight * prescale);
          if (weight > 0) smallest = std::min(smallest, weight * prescale);
        }
        CHECK(scan.largest == largest && scan.smallest_positive == smallest);
      });
    });
  }
}

void test_block_sums_are_added_in_the_written_order() {
  check_sums<float>(1.0);
  check_sums<double>(1.0);
  check_sums<double>(0x1p-600);
}

template <class Weight>
void check_sums_of_large() {
  for (const uint64_t items : kItemCounts) {
    const std::vector<Weight> weights = rough_weights<Weight>(items);
    const double prescale = 2.0, scale = 64000.0;  // weights below 1/2000 are small
    const auto is_small = [&](double weight) { return weight * prescale * scale < kSmallMass; };
    for_stretches(block_layout(items).blocks, [&](uint64_t first, uint64_t count) {
      for_each_target([&](Target target) {
        std::vector<double> sums(count);
        std::vector<uint64_t> units(count);
        build_kernels(target).sum_large(view(weights), {prescale, scale, 0.0, true}, first, count, sums.data(),
                                        units.data());
        for (uint64_t b = 0; b < count; ++b) {
          uint64_t expected = 0;
          const double sum = sum_as_written(weights, first + b, [&](double weight) {
            if (weight > 0 && is_small(weight)) expected += small_mass(weight * prescale * scale);
            return is_small(weight) ? 0.0 : weight * prescale;
          });
          CHECK(sums[b] == sum && units[b] == expected);
        }
      });
    });
  }
}

void test_sums_without_small_items_are_added_in_the_written_order() {
  check_sums_of_large<float>();
  check_sums_of_large<double>();
}

void test_one_bad_weight_makes_a_scan_invalid_wherever_it_is() {
  using Limits = std::numeric_limits<double>;
  std::vector<double> weights(3000, 1.0);
  for (const double bad : {-1.0, -Limits::denorm_min(), Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()}) {
    for (uint64_t place = 0; place < weights.size(); place += 41) {
      weights[place] = bad;
      for_each_target([&](Target target) {
        double sums[3];
        ScanResult scan;
        build_kernels(target).sum_blocks(view(weights), 1.0, 0, 3, sums, &scan);
        CHECK(!scan.all_valid);
      });
      weights[place] = 1.0;
    }
  }
}

// A small item of ideal mass 63.5 is rounded down to 63; a large one of 64 whose scale is a little smaller comes to 63
// too. A unit too much is taken from the large one all the same, wherever the small one lies.
void test_a_small_item_never_stands_in_for_the_large_one_that_evens_out() {
  const MassRule rule = {1.0, 1.0, 1 - 0x1p-31, true};
  for (const bool small_first : {true, false}) {
    const std::vector<double> weights = small_first ? std::vector<double>{63.5, 64.0} : std::vector<double>{64.0, 63.5};
    for_each_target([&](Target target) {
      const uint64_t quota = 63 + 63 - 1;
      std::vector<PackedBlock> packed(1);
      std::vector<AliasEntry> table(2);
      CHECK(build_kernels(target).pack_block(view(weights), rule, 0, quota, packed[0], table.data()));
      const PackedBlock& block = packed[0];
      CHECK(block.lights == 2 && block.heavies == 0);
      CHECK(table[small_first ? 0 : 1].threshold == 63 && table[small_first ? 1 : 0].threshold == 62);
    });
  }
}

// Small items alone have nothing to give.
void test_a_block_of_small_items_cannot_be_evened_out() {
  const MassRule rule = {1.0, 1.0, 1.0, true};
  const std::vector<double> weights = {63.0, 20.0};
  for_each_target([&](Target target) {
    for (const uint64_t quota : {82, 83, 84}) {
      std::vector<PackedBlock> packed(1);
      std::vector<AliasEntry> table(2);
      CHECK(build_kernels(target).pack_block(view(weights), rule, 0, quota, packed[0], table.data()) ==
            (quota == 83));
    }
  });
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_block_sums_are_added_in_the_written_order);
  RUN(test_sums_without_small_items_are_added_in_the_written_order);
  RUN(test_one_bad_weight_makes_a_scan_invalid_wherever_it_is);
  RUN(test_a_small_item_never_stands_in_for_the_large_one_that_evens_out);
  RUN(test_a_block_of_small_items_cannot_be_evened_out);
  return finish_tests();
}
