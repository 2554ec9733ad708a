// From the masses of a block to its slots. Included by build_kernel.inc.
//
//   1. make_lists: heavies' numbers, and the running sums of lights' deficits and heavies' excesses.
//   2. merge: the order in which lights are filled and heavies close is one path of kBlockItems steps. It can be entered
//      anywhere by a binary search, so kWalks stretches of it are walked at the same time: a step waits for the one before
//      it, not for the others.
//   3. fill_slots: what each light and each heavy gets, read off the path.
//
// The first and the last are written once for each width of vectors: build_pack_avx512.h, build_pack_avx2.h,
// build_pack_portable.h.

constexpr uint64_t kWalks = 8, kWalkSteps = kBlockItems / kWalks;

// One block on its way. Rooms are wider than a block: whole vectors are read and written at their ends.
struct PackScratch {
  static constexpr uint64_t kRoom = kBlockItems + 48, kLast = kRoom - 8;
  alignas(64) uint64_t masses[kBlockItems];
  alignas(64) uint64_t reversed_deficit[kRoom];  // [kLast - i] = deficit before light i: a step of the path moves one index
  alignas(64) uint16_t closed_before[kRoom];     // step -> heavies closed before it
  // Of the kernels in vectors:
  alignas(64) uint32_t low_mass[kBlockItems];  // by place
  alignas(64) uint32_t light_mass[kRoom];
  alignas(64) uint32_t filler[kRoom];     // light -> the heavy that fills its slot
  alignas(64) uint32_t threshold[kRoom];  // heavy -> what is left of it when it closes
  uint16_t light_places[kGroups], heavy_places[kGroups];

  uint64_t deficit(uint64_t light) const { return reversed_deficit[kLast - light]; }
};

// How many heavies close within the first `steps` steps: heavy j is one of them if it closes before light steps - 1 - j.
inline uint64_t closed_within(const PackScratch& work, const PackedBlock& block, uint64_t steps) {
  uint64_t low = steps > block.lights ? steps - block.lights : 0;
  uint64_t count = (steps < block.heavies ? steps : block.heavies) - low;
  while (count > 0) {
    const uint64_t half = (count + 1) / 2, at = low + half - 1;
    low += half & (0 - static_cast<uint64_t>(block.excess[at] < work.deficit(steps - 1 - at)));
    count -= half;
  }
  return low;
}

// The whole path, past the point up to which the block's items can be placed; what comes after it is not used.
inline void merge(PackScratch& work, const PackedBlock& block) {
  const uint64_t items = block.lights + block.heavies;
  uint64_t j[kWalks];
  for (uint64_t w = 0; w < kWalks; ++w) {
    j[w] = closed_within(work, block, w * kWalkSteps < items ? w * kWalkSteps : items);
  }
  const uint64_t* const excess = block.excess;
  const uint64_t* deficit = work.reversed_deficit + PackScratch::kLast;
  uint16_t* closed = work.closed_before;
  uint64_t j0 = j[0], j1 = j[1], j2 = j[2], j3 = j[3], j4 = j[4], j5 = j[5], j6 = j[6], j7 = j[7];
#define PYSAMPLER_STEP(w)                                               \
  closed[(w) * kWalkSteps] = static_cast<uint16_t>(j##w);               \
  j##w += excess[j##w] < deficit[static_cast<int64_t>(j##w) - (w) * static_cast<int64_t>(kWalkSteps)]
  for (uint64_t step = 0; step < kWalkSteps; ++step, --deficit, ++closed) {
    PYSAMPLER_STEP(0);
    PYSAMPLER_STEP(1);
    PYSAMPLER_STEP(2);
    PYSAMPLER_STEP(3);
    PYSAMPLER_STEP(4);
    PYSAMPLER_STEP(5);
    PYSAMPLER_STEP(6);
    PYSAMPLER_STEP(7);
  }
#undef PYSAMPLER_STEP
  work.closed_before[kBlockItems] = static_cast<uint16_t>(j7);
}

// Where the path ends inside the block: at the last heavy, which cannot close here, or when no light is left.
inline void find_end(const PackScratch& work, PackedBlock& block) {
  block.lights_done = block.heavies_done = 0;
  block.deficit_done = 0;
  block.deficit_all = work.deficit(block.lights);
  if (block.heavies == 0) return;
  const uint64_t last = block.heavies - 1, given = block.excess[last];
  uint64_t low = 0;
  if (block.deficit_all > given) {
    for (uint64_t count = block.lights; count > 0;) {
      const uint64_t half = (count + 1) / 2;
      low += half & (0 - static_cast<uint64_t>(work.deficit(low + half - 1) <= given));
      count -= half;
    }
    block.lights_done = low;
    block.heavies_done = last;
  } else {
    for (uint64_t count = last; count > 0;) {
      const uint64_t half = (count + 1) / 2;
      low += half & (0 - static_cast<uint64_t>(block.excess[low + half - 1] < block.deficit_all));
      count -= half;
    }
    block.lights_done = block.lights;
    block.heavies_done = low;
  }
  block.deficit_done = work.deficit(block.lights_done);
}

#if defined(PYSAMPLER_IN_AVX512)
#include "cpu/table/build_pack_avx512.h"
#elif defined(PYSAMPLER_IN_AVX2)
#include "cpu/table/build_pack_avx2.h"
#else
#include "cpu/table/build_pack_portable.h"
#endif

bool pack_block(WeightView weights, const MassRule& rule, uint64_t number, uint64_t quota, PackedBlock& block,
                AliasEntry* table) {
  const BlockLayout layout = block_layout(weights.count);
  PackScratch work;
  if (!block_masses(weights, rule, number, quota, true, work.masses)) return false;
  make_lists(layout, number, table, work, block);
  merge(work, block);
  find_end(work, block);
  fill_slots(layout, number, work, block, table);
  return true;
}
