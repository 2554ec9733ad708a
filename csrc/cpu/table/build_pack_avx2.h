// Lists and slots of a block with AVX2. Included by build_pack.h.

#include "cpu/table/build_pack_leftover.h"

// For each set of eight lanes, by byte, what a permutation takes from where: to bring the lanes of the set together at the
// front, and to bring what is together at the front into the lanes of the set.
struct LaneTable {
  alignas(64) uint8_t together[256][8] = {};
  alignas(64) uint8_t apart[256][8] = {};

  constexpr LaneTable() {
    for (unsigned set = 0; set < 256; ++set) {
      uint8_t count = 0;
      for (uint8_t lane = 0; lane < 8; ++lane) {
        apart[set][lane] = static_cast<uint8_t>(count & 7);
        if (set >> lane & 1) together[set][count++] = lane;
      }
    }
  }
};
constexpr LaneTable kLanes;
constexpr unsigned kTwice[16] = {0x00, 0x03, 0x0C, 0x0F, 0x30, 0x33, 0x3C, 0x3F, 0xC0, 0xC3, 0xCC, 0xCF, 0xF0, 0xF3, 0xFC, 0xFF};

PYSAMPLER_INLINE __m256i permuted(__m256i v, const uint8_t* from) {
  return _mm256_permutevar8x32_epi32(v, _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}
PYSAMPLER_INLINE __m256i compressed(__m256i v, unsigned set) { return permuted(v, kLanes.together[set]); }
PYSAMPLER_INLINE __m256i expanded(__m256i v, unsigned set) { return permuted(v, kLanes.apart[set]); }

PYSAMPLER_INLINE __m256i load_256(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
PYSAMPLER_INLINE void store_256(void* to, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(to), v); }

// The low or the high halves of eight 64-bit numbers.
PYSAMPLER_INLINE __m256i low_halves(__m256i first, __m256i second) {
  const __m256 mixed = _mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), 0x88);
  return _mm256_permute4x64_epi64(_mm256_castps_si256(mixed), 0xD8);
}
PYSAMPLER_INLINE __m256i high_halves(__m256i first, __m256i second) {
  const __m256 mixed = _mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), 0xDD);
  return _mm256_permute4x64_epi64(_mm256_castps_si256(mixed), 0xD8);
}

PYSAMPLER_INLINE unsigned lanes_set(__m256i mask) {
  return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(mask)));
}
PYSAMPLER_INLINE uint64_t count_of(unsigned set) { return static_cast<uint64_t>(__builtin_popcount(set)); }

inline void split_masses(const BlockLayout& layout, uint64_t number, const AliasEntry* table, PackScratch& work,
                         PackedBlock& out) {
  const __m256i slot_mass = _mm256_set1_epi64x(static_cast<long long>(kSlotMass));
  const __m256i iota = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
  uint64_t lights = 0, heavies = 0;
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = layout.group_start(number, group);
    const unsigned present = (1u << layout.group_size(start)) - 1;
    ask_for_first_slots(table + start);
    unsigned light_places = 0, heavy_places = 0;
    for (unsigned half = 0; half < 16; half += 8) {
      const uint64_t place = group * kGroupItems + half;
      const __m256i first = load_256(work.masses + place), second = load_256(work.masses + place + 4);
      const __m256i low = low_halves(first, second);
      const unsigned below = lanes_set(_mm256_cmpeq_epi32(high_halves(first, second), _mm256_setzero_si256()));
      const unsigned here = present >> half & 0xFFu, light = below & here, heavy = here & ~below;
      light_places |= light << half;
      heavy_places |= heavy << half;
      store_256(work.low_mass + place, low);
      store_256(work.light_mass + lights, compressed(low, light));
      const __m256i ids = _mm256_add_epi32(iota, _mm256_set1_epi32(static_cast<int>(start + half)));
      store_256(out.heavy_id + heavies, compressed(ids, heavy));
      // A 64-bit lane is two of 32 bits: of a set of four, its bits twice.
      const unsigned heavy_first = heavy & 15u, heavy_second = heavy >> 4;
      store_256(out.excess + heavies, compressed(_mm256_sub_epi64(first, slot_mass), kTwice[heavy_first]));
      heavies += count_of(heavy_first);
      store_256(out.excess + heavies, compressed(_mm256_sub_epi64(second, slot_mass), kTwice[heavy_second]));
      heavies += count_of(heavy_second);
      lights += count_of(light);
    }
    work.light_places[group] = static_cast<uint16_t>(light_places);
    work.heavy_places[group] = static_cast<uint16_t>(heavy_places);
  }
  out.lights = lights;
  out.heavies = heavies;
}

// Running sums of four numbers.
PYSAMPLER_INLINE __m256i running_sums(__m256i v) {
  v = _mm256_add_epi64(v, _mm256_slli_si256(v, 8));  // of each half
  const __m256i of_first_half = _mm256_permute4x64_epi64(v, 0x55);
  return _mm256_add_epi64(v, _mm256_blend_epi32(_mm256_setzero_si256(), of_first_half, 0xF0));
}

inline void add_up(PackScratch& work, PackedBlock& block) {
  const __m256i slot_mass = _mm256_set1_epi64x(static_cast<long long>(kSlotMass));
  __m256i carry = _mm256_setzero_si256();
  work.reversed_deficit[PackScratch::kLast] = 0;
  for (uint64_t i = 0; i < block.lights; i += 4) {
    const __m128i mass = _mm_load_si128(reinterpret_cast<const __m128i*>(work.light_mass + i));
    const __m256i own = running_sums(_mm256_sub_epi64(slot_mass, _mm256_cvtepu32_epi64(mass)));
    const __m256i backwards = _mm256_permute4x64_epi64(_mm256_add_epi64(own, carry), 0x1B);
    store_256(work.reversed_deficit + (PackScratch::kLast - 4 - i), backwards);
    carry = _mm256_add_epi64(carry, _mm256_permute4x64_epi64(own, 0xFF));
  }
  carry = _mm256_setzero_si256();
  for (uint64_t j = 0; j < block.heavies; j += 4) {
    const __m256i own = running_sums(load_256(block.excess + j));
    store_256(block.excess + j, _mm256_add_epi64(own, carry));
    carry = _mm256_add_epi64(carry, _mm256_permute4x64_epi64(own, 0xFF));
  }
}

// What each light and each heavy gets, by its place in the lists, eight steps of the path at a time.
inline void place(PackScratch& work, const PackedBlock& block) {
  const __m256i backwards = _mm256_set_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const uint64_t steps = block.lights_done + block.heavies_done;
  for (uint64_t step = 0; step < steps; step += 8) {
    const uint64_t j = work.closed_before[step], i = step - j;
    const uint16_t* const closed = work.closed_before + step;
    const __m256i before = _mm256_cvtepu16_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(closed)));
    const __m256i after = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(closed + 1)));
    const unsigned stays = lanes_set(_mm256_cmpeq_epi32(before, after));
    const __m256i heavy = _mm256_sub_epi32(before, _mm256_set1_epi32(static_cast<int>(j)));  // counted from j
    const __m256i filler = _mm256_permutevar8x32_epi32(load_256(block.heavy_id + j), heavy);
    store_256(work.filler + i, compressed(filler, stays));
    // A threshold is the low half of excess - deficit. The light of a step, counted from i, is its number less `heavy`;
    // lights lie backwards in memory.
    const uint64_t* const nearest = work.reversed_deficit + (PackScratch::kLast - 7 - i);
    const __m256i excess = low_halves(load_256(block.excess + j), load_256(block.excess + j + 4));
    const __m256i deficit = low_halves(load_256(nearest), load_256(nearest + 4));
    const __m256i threshold = _mm256_sub_epi32(_mm256_permutevar8x32_epi32(excess, heavy),
                                               _mm256_permutevar8x32_epi32(deficit, _mm256_add_epi32(backwards, heavy)));
    store_256(work.threshold + j, compressed(threshold, stays ^ 0xFFu));
  }
}

// All slots of the block. Of items that are left over, lights get their mass and heavies nothing of use.
inline void write_slots(const BlockLayout& layout, uint64_t number, const PackScratch& work, const PackedBlock& block,
                        AliasEntry* table) {
  const __m256i bits = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
  uint64_t i = 0, j = 0;
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = layout.group_start(number, group), size = layout.group_size(start);
    if (size == 0) break;
    ask_for_second_slots(table + start);
    alignas(64) AliasEntry some[kGroupItems];
    AliasEntry* const slots = size == kGroupItems ? table + start : some;
    for (unsigned half = 0; half < 16; half += 8) {
      const unsigned light = work.light_places[group] >> half & 0xFFu, heavy = work.heavy_places[group] >> half & 0xFFu;
      const __m256i is_heavy = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(heavy)), bits), bits);
      const __m256i alias = _mm256_blendv_epi8(expanded(load_256(work.filler + i), light),
                                               expanded(load_256(block.heavy_id + j + 1), heavy), is_heavy);
      const __m256i threshold = _mm256_blendv_epi8(load_256(work.low_mass + group * kGroupItems + half),
                                                   expanded(load_256(work.threshold + j), heavy), is_heavy);
      i += count_of(light);
      j += count_of(heavy);
      const __m256i low = _mm256_unpacklo_epi32(threshold, alias), high = _mm256_unpackhi_epi32(threshold, alias);
      store_256(slots + half, _mm256_permute2x128_si256(low, high, 0x20));
      store_256(slots + half + 4, _mm256_permute2x128_si256(low, high, 0x31));
    }
    if (slots == some) memcpy(table + start, some, size * sizeof *some);
  }
}

inline void make_lists(const BlockLayout& layout, uint64_t number, const AliasEntry* table, PackScratch& work,
                       PackedBlock& block) {
  split_masses(layout, number, table, work, block);
  add_up(work, block);
}

inline void fill_slots(const BlockLayout& layout, uint64_t number, PackScratch& work, PackedBlock& block,
                       AliasEntry* table) {
  place(work, block);
  write_slots(layout, number, work, block, table);
  const __m256i iota = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
  name_leftover_lights(layout, number, work, block,
                       [&](uint32_t* ids, uint32_t start, uint32_t set) PYSAMPLER_INLINE_LAMBDA {
                         const __m256i first = _mm256_add_epi32(iota, _mm256_set1_epi32(static_cast<int>(start)));
                         const __m256i second = _mm256_add_epi32(first, _mm256_set1_epi32(8));
                         store_256(ids, compressed(first, set & 0xFFu));
                         store_256(ids + count_of(set & 0xFFu), compressed(second, set >> 8));
                       });
}
