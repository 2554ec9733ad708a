// Lists and slots of a block with AVX-512. Included by build_pack.h.

#include "cpu/table/build_pack_leftover.h"

inline void split_masses(const BlockLayout& layout, uint64_t block, const AliasEntry* table, PackScratch& work,
                         PackedBlock& out) {
  const __m512i slot_mass = _mm512_set1_epi64(static_cast<long long>(kSlotMass));
  const __m512i iota = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  uint64_t lights = 0, heavies = 0;
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = layout.group_start(block, group);
    const uint32_t present = (1u << layout.group_size(start)) - 1;
    ask_for_first_slots(table + start);
    const __m512i first = _mm512_load_si512(work.masses + group * kGroupItems);
    const __m512i second = _mm512_load_si512(work.masses + group * kGroupItems + 8);
    const uint32_t below = _mm512_cmplt_epu64_mask(first, slot_mass) |
                           static_cast<uint32_t>(_mm512_cmplt_epu64_mask(second, slot_mass)) << 8;
    const uint32_t light = below & present, heavy = present & ~below;
    work.light_places[group] = static_cast<uint16_t>(light);
    work.heavy_places[group] = static_cast<uint16_t>(heavy);
    const __m512i low = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(first)),
                                           _mm512_cvtepi64_epi32(second), 1);
    _mm512_store_si512(work.low_mass + group * kGroupItems, low);
    // Compressing in registers and storing all of it: compressing stores are slow on Zen 4.
    const auto light_mask = static_cast<__mmask16>(light), heavy_mask = static_cast<__mmask16>(heavy);
    const __m512i ids = _mm512_add_epi32(iota, _mm512_set1_epi32(static_cast<int>(start)));
    _mm512_storeu_si512(work.light_mass + lights, _mm512_maskz_compress_epi32(light_mask, low));
    _mm512_storeu_si512(out.heavy_id + heavies, _mm512_maskz_compress_epi32(heavy_mask, ids));
    const __m512i over = _mm512_sub_epi64(first, slot_mass), over_second = _mm512_sub_epi64(second, slot_mass);
    const auto heavy_first = static_cast<__mmask8>(heavy), heavy_second = static_cast<__mmask8>(heavy >> 8);
    _mm512_storeu_si512(out.excess + heavies, _mm512_maskz_compress_epi64(heavy_first, over));
    heavies += static_cast<uint64_t>(__builtin_popcount(heavy_first));
    _mm512_storeu_si512(out.excess + heavies, _mm512_maskz_compress_epi64(heavy_second, over_second));
    heavies += static_cast<uint64_t>(__builtin_popcount(heavy_second));
    lights += static_cast<uint64_t>(__builtin_popcount(light));
  }
  out.lights = lights;
  out.heavies = heavies;
}

// Running sums of eight numbers.
PYSAMPLER_INLINE __m512i running_sums(__m512i v) {
  const __m512i zero = _mm512_setzero_si512();
  v = _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 7));
  v = _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 6));
  return _mm512_add_epi64(v, _mm512_alignr_epi64(v, zero, 4));
}

inline void add_up(PackScratch& work, PackedBlock& block) {
  const __m512i slot_mass = _mm512_set1_epi64(static_cast<long long>(kSlotMass));
  const __m512i backwards = _mm512_set_epi64(0, 1, 2, 3, 4, 5, 6, 7), last = _mm512_set1_epi64(7);
  __m512i carry = _mm512_setzero_si512();
  work.reversed_deficit[PackScratch::kLast] = 0;
  for (uint64_t i = 0; i < block.lights; i += 8) {
    const __m256i mass = _mm256_load_si256(reinterpret_cast<const __m256i*>(work.light_mass + i));
    const __m512i deficit = _mm512_sub_epi64(slot_mass, _mm512_cvtepu32_epi64(mass));
    const __m512i own = running_sums(deficit), sums = _mm512_permutexvar_epi64(backwards, _mm512_add_epi64(own, carry));
    _mm512_storeu_si512(work.reversed_deficit + (PackScratch::kLast - 8 - i), sums);
    carry = _mm512_add_epi64(carry, _mm512_permutexvar_epi64(last, own));
  }
  carry = _mm512_setzero_si512();
  for (uint64_t j = 0; j < block.heavies; j += 8) {
    const __m512i own = running_sums(_mm512_load_si512(block.excess + j));
    _mm512_store_si512(block.excess + j, _mm512_add_epi64(own, carry));
    carry = _mm512_add_epi64(carry, _mm512_permutexvar_epi64(last, own));
  }
}

// What each light and each heavy gets, by its place in the lists, 16 steps of the path at a time.
inline void place(PackScratch& work, const PackedBlock& block) {
  const __m512i iota = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i first_deficit = _mm512_sub_epi32(_mm512_set1_epi32(14), _mm512_slli_epi32(iota, 1));
  const uint64_t steps = block.lights_done + block.heavies_done;
  for (uint64_t step = 0; step < steps; step += 16) {
    const uint64_t j = work.closed_before[step], i = step - j;
    const uint16_t* const closed = work.closed_before + step;
    const __m512i before = _mm512_cvtepu16_epi32(_mm256_load_si256(reinterpret_cast<const __m256i*>(closed)));
    const __m512i after = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(closed + 1)));
    const __mmask16 closes = _mm512_cmpneq_epi32_mask(before, after);
    const __m512i heavy = _mm512_sub_epi32(before, _mm512_set1_epi32(static_cast<int>(j)));  // counted from j
    const __m512i filler = _mm512_permutexvar_epi32(heavy, _mm512_loadu_si512(block.heavy_id + j));
    _mm512_storeu_si512(work.filler + i, _mm512_maskz_compress_epi32(static_cast<__mmask16>(~closes), filler));
    // A threshold is the low half of excess - deficit, so low halves are enough. The light of a step counted from i is
    // its number less `heavy`; lights lie backwards in memory.
    const __m512i twice = _mm512_slli_epi32(heavy, 1);
    const __m512i excess = _mm512_permutex2var_epi32(_mm512_loadu_si512(block.excess + j), twice,
                                                     _mm512_loadu_si512(block.excess + j + 8));
    const uint64_t* const nearest = work.reversed_deficit + (PackScratch::kLast - 7 - i);
    const __m512i deficit = _mm512_permutex2var_epi32(_mm512_loadu_si512(nearest), _mm512_add_epi32(first_deficit, twice),
                                                      _mm512_loadu_si512(nearest - 8));
    _mm512_storeu_si512(work.threshold + j, _mm512_maskz_compress_epi32(closes, _mm512_sub_epi32(excess, deficit)));
  }
}

// All 64 bytes, into a register. Left to itself, the compiler has an instruction with a mask read memory; where the mask
// leaves out what lies in a page that was never touched, each time costs as much as a page fault, and the page stays so.
PYSAMPLER_INLINE __m512i load_whole(const void* from) {
  __m512i v = _mm512_loadu_si512(from);
  asm("" : "+v"(v));
  return v;
}

// All slots of the block. Of items that are left over, lights get their mass and heavies nothing of use.
inline void write_slots(const BlockLayout& layout, uint64_t block_number, const PackScratch& work,
                        const PackedBlock& block, AliasEntry* table) {
  const __m512i lower = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i upper = _mm512_add_epi32(lower, _mm512_set1_epi32(8));
  uint64_t i = 0, j = 0;
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = layout.group_start(block_number, group);
    const __mmask16 light = work.light_places[group], heavy = work.heavy_places[group];
    const uint32_t present = static_cast<uint32_t>(light | heavy);
    if (present == 0) break;
    __m512i alias = _mm512_maskz_expand_epi32(light, load_whole(work.filler + i));
    alias = _mm512_mask_expand_epi32(alias, heavy, load_whole(block.heavy_id + j + 1));
    const __m512i threshold = _mm512_mask_expand_epi32(_mm512_load_si512(work.low_mass + group * kGroupItems), heavy,
                                                       load_whole(work.threshold + j));
    i += static_cast<uint64_t>(__builtin_popcount(light));
    j += static_cast<uint64_t>(__builtin_popcount(heavy));
    const __m512i first = _mm512_permutex2var_epi32(threshold, lower, alias);
    const __m512i second = _mm512_permutex2var_epi32(threshold, upper, alias);
    AliasEntry* const slots = table + start;
    ask_for_second_slots(slots);
    if (present != 0xFFFFu) {
      _mm512_mask_storeu_epi64(slots, static_cast<__mmask8>(present), first);
      _mm512_mask_storeu_epi64(slots + 8, static_cast<__mmask8>(present >> 8), second);
    } else {
      _mm512_storeu_si512(slots, first);
      _mm512_storeu_si512(slots + 8, second);
    }
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
  const __m512i iota = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  name_leftover_lights(layout, number, work, block,
                       [&](uint32_t* ids, uint32_t start, uint32_t set) PYSAMPLER_INLINE_LAMBDA {
                         const __m512i all = _mm512_add_epi32(iota, _mm512_set1_epi32(static_cast<int>(start)));
                         _mm512_storeu_si512(ids, _mm512_maskz_compress_epi32(static_cast<__mmask16>(set), all));
                       });
}
