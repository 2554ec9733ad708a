// Blocks of the largest table: indices above 2^31, a last group that is cut off, masses that add up to their quotas.
// The weights repeat 64 MiB of memory; of the table's 32 GiB only the pages of a few blocks are ever written.
#include <sys/mman.h>

#include <cmath>
#include <memory>
#include <vector>

#include "check.h"
#include "cpu/table/build_kernels.h"
#include "repeated_memory.h"
#include "targets.h"

namespace pysampler {
namespace {

constexpr uint64_t kItems = kMaxItems;
const BlockLayout kLayout = block_layout(kItems);

uint64_t whole_weight(uint64_t item) { return 1 + item % RepeatedMemory::period<float>() * 2654435761u % 997; }

const float* huge_weights() {
  static const RepeatedMemory memory(kItems * sizeof(float));
  auto* weights = memory.as<float>();
  for (uint64_t i = 0; weights != nullptr && i < RepeatedMemory::period<float>(); ++i) {
    weights[i] = static_cast<float>(whole_weight(i));
  }
  return weights;
}

AliasEntry* empty_table() {
  void* start = mmap(nullptr, kItems * sizeof(AliasEntry), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return start == MAP_FAILED ? nullptr : static_cast<AliasEntry*>(start);
}

const float* const kWeights = huge_weights();
AliasEntry* const kTable = empty_table();

uint64_t sum_of_all() {
  const uint64_t period = RepeatedMemory::period<float>();
  uint64_t of_period = 0, rest = 0;
  for (uint64_t i = 0; i < period; ++i) {
    of_period += whole_weight(i);
    if (i < kItems % period) rest += whole_weight(i);
  }
  return of_period * (kItems / period) + rest;
}

const long double kMassOfOne = static_cast<long double>(kItems * kSlotMass) / sum_of_all();

uint64_t whole_sum(uint64_t block) {
  uint64_t sum = 0;
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = kLayout.group_start(block, group);
    for (uint64_t i = 0; i < kLayout.group_size(start); ++i) sum += whole_weight(start + i);
  }
  return sum;
}

bool near(long double mass, uint32_t item) {
  return std::fabs(mass - whole_weight(item) * kMassOfOne) <= 4 + 1e-9L * mass;
}

// The items of a block that are not among its heavies, which are in order.
std::vector<uint32_t> lights_of(const PackedBlock& packed, uint64_t block) {
  std::vector<uint32_t> lights;
  uint64_t j = 0;
  for (uint64_t place = 0; place < kBlockItems; ++place) {
    const uint64_t item = kLayout.item(block, place);
    if (item >= kItems) continue;
    if (j < packed.heavies && packed.heavy_id[j] == item) {
      ++j;
    } else {
      lights.push_back(static_cast<uint32_t>(item));
    }
  }
  CHECK(j == packed.heavies);
  return lights;
}

// Masses and slots of one packed block.
void check_packed(const PackedBlock& packed, uint64_t block, uint64_t quota) {
  const bool is_last = block + 1 == kLayout.blocks;
  CHECK(packed.lights + packed.heavies == (is_last ? kBlockItems - 1 : kBlockItems));
  const std::vector<uint32_t> lights = lights_of(packed, block);
  CHECK(lights.size() == packed.lights);
  uint64_t mass = 0;
  for (uint64_t i = 0; i < packed.lights; ++i) {
    CHECK(near(kTable[lights[i]].threshold, lights[i]));
    mass += kTable[lights[i]].threshold;
    if (i >= packed.lights_done) CHECK(packed.light_id[i] == lights[i]);
  }
  for (uint64_t j = 0; j < packed.heavies; ++j) {
    const uint64_t own = kSlotMass + packed.excess[j] - (j == 0 ? 0 : packed.excess[j - 1]);
    CHECK(near(own, packed.heavy_id[j]));
    mass += own;
    if (j < packed.heavies_done) CHECK(kTable[packed.heavy_id[j]].alias == packed.heavy_id[j + 1]);
  }
  CHECK(mass == quota);
}

void check_blocks(Target target, uint64_t first, uint64_t count) {
  const BuildKernels& kernels = build_kernels(target);
  const WeightView view = {kWeights, kItems, WeightType::kFloat32};
  std::vector<double> sums(count);
  std::vector<uint64_t> quotas(count);
  ScanResult scan;
  kernels.sum_blocks(view, 1.0, first, count, sums.data(), &scan);
  CHECK(scan.all_valid && scan.largest <= 997 && scan.smallest_positive >= 1);
  for (uint64_t b = 0; b < count; ++b) {
    CHECK(sums[b] == static_cast<double>(whole_sum(first + b)));
    quotas[b] = static_cast<uint64_t>(whole_sum(first + b) * kMassOfOne);
  }
  const double scale = static_cast<double>(kMassOfOne);
  const auto packed = std::make_unique<PackedBlock>();
  for (uint64_t b = 0; b < count; ++b) {
    CHECK(kernels.pack_block(view, {1.0, scale, scale, false}, first + b, quotas[b], *packed, kTable));
    check_packed(*packed, first + b, quotas[b]);
  }
}

void test_blocks_of_the_largest_table_are_packed_rightly() {
  for_each_target([](Target target) {
    check_blocks(target, 0, 4);
    check_blocks(target, kLayout.blocks / 2, 3);
    check_blocks(target, kLayout.blocks - 4, 4);
    check_blocks(target, kLayout.blocks - 1, 1);
  });
}

// One item outweighs all others of the largest table: its mass is rounded by thousands of units, and twice that mass
// exceeds 2^64.
void test_one_item_may_have_nearly_all_of_the_largest_mass() {
  const double weight = 1.0;
  for (const uint64_t quota : {kItems * kSlotMass, kItems * kSlotMass / 2 + 4097, (uint64_t{3} << 62) - 1}) {
    for (const uint64_t off : {0, 1, 1000, 4096}) {
      for (const double scale : {static_cast<double>(quota - off), static_cast<double>(quota + off)}) {
        for_each_target([&](Target target) {
          const auto packed = std::make_unique<PackedBlock>();
          AliasEntry slot;
          const WeightView view = {&weight, 1, WeightType::kFloat64};
          CHECK(build_kernels(target).pack_block(view, {1.0, scale, scale, false}, 0, quota, *packed, &slot));
          CHECK(packed->heavies == 1 && packed->excess[0] == quota - kSlotMass);
        });
      }
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_one_item_may_have_nearly_all_of_the_largest_mass);
  if (kWeights == nullptr || kTable == nullptr) {
    skip("blocks of the largest table", "the system refuses 48 GiB of address space");
    return finish_tests();
  }
  RUN(test_blocks_of_the_largest_table_are_packed_rightly);
  return finish_tests();
}
