// From the masses of a block to its slots with AVX-512. The lists are those of build_pack_portable.h; what differs is how
// they are made and walked. Included by build_kernel.inc.
//
//   1. split_masses: lights' masses, heavies' excesses and numbers, in their order; add_up: their running sums.
//   2. merge: the order in which lights are filled and heavies close is one path of kBlockItems steps. It can be entered
//      anywhere by a binary search, so kWalks stretches of it are walked at the same time: a step waits for the one before
//      it, not for the others.
//   3. place: what each light and each heavy gets, read off the path 16 steps at a time.
//   4. write_slots: in the order of the items, so that whole cache lines are written.

constexpr uint64_t kWalks = 8, kWalkSteps = kBlockItems / kWalks;

// One block on its way. Rooms are wider than a block: whole vectors are read and written at their ends.
struct PackScratch {
  static constexpr uint64_t kRoom = kBlockItems + 48, kLast = kRoom - 8;
  alignas(64) uint64_t masses[kBlockItems];
  alignas(64) uint64_t reversed_deficit[kRoom];  // [kLast - i] = deficit before light i: a step of the path moves one index
  alignas(64) uint32_t low_mass[kBlockItems];    // by place
  alignas(64) uint32_t filler[kRoom];            // light -> the heavy that fills its slot
  alignas(64) uint32_t threshold[kRoom];         // heavy -> what is left of it when it closes
  alignas(64) uint16_t closed_before[kRoom];     // step -> heavies closed before it
  uint16_t light_places[kGroups], heavy_places[kGroups];

  uint64_t deficit(uint64_t light) const { return reversed_deficit[kLast - light]; }
};

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
    _mm512_storeu_si512(out.light_mass + lights, _mm512_maskz_compress_epi32(light_mask, low));
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
  const __m512i backwards = _mm512_set_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  __m512i carry = _mm512_setzero_si512();
  work.reversed_deficit[PackScratch::kLast] = 0;
  for (uint64_t i = 0; i < block.lights; i += 8) {
    const __m256i mass = _mm256_load_si256(reinterpret_cast<const __m256i*>(block.light_mass + i));
    const __m512i deficit = _mm512_sub_epi64(slot_mass, _mm512_cvtepu32_epi64(mass));
    const __m512i sums = _mm512_permutexvar_epi64(backwards, _mm512_add_epi64(running_sums(deficit), carry));
    _mm512_storeu_si512(work.reversed_deficit + (PackScratch::kLast - 8 - i), sums);
    carry = _mm512_broadcastq_epi64(_mm512_castsi512_si128(sums));
  }
  carry = _mm512_setzero_si512();
  const __m512i last = _mm512_set1_epi64(7);
  for (uint64_t j = 0; j < block.heavies; j += 8) {
    const __m512i sums = _mm512_add_epi64(running_sums(_mm512_load_si512(block.excess + j)), carry);
    _mm512_store_si512(block.excess + j, sums);
    carry = _mm512_permutexvar_epi64(last, sums);
  }
}

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
    __m512i alias = _mm512_maskz_expand_epi32(light, _mm512_loadu_si512(work.filler + i));
    alias = _mm512_mask_expand_epi32(alias, heavy, _mm512_loadu_si512(block.heavy_id + j + 1));
    const __m512i threshold = _mm512_mask_expand_epi32(_mm512_load_si512(work.low_mass + group * kGroupItems), heavy,
                                                       _mm512_loadu_si512(work.threshold + j));
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

// The numbers of the lights that are left over, which only they need.
inline void name_leftover_lights(const BlockLayout& layout, uint64_t block_number, const PackScratch& work,
                                 PackedBlock& block) {
  uint64_t light = block.lights;
  for (uint64_t group = kGroups; light > block.lights_done;) {
    --group;
    const uint64_t start = layout.group_start(block_number, group);
    for (uint32_t places = work.light_places[group]; places != 0 && light > block.lights_done;) {
      const uint32_t place = 31u - static_cast<uint32_t>(__builtin_clz(places));
      places ^= 1u << place;
      block.light_id[--light] = static_cast<uint32_t>(start + place);
    }
  }
}

inline bool pack_block(WeightView weights, const MassRule& rule, uint64_t number, uint64_t quota, PackedBlock& block,
                       AliasEntry* table) {
  const BlockLayout layout = block_layout(weights.count);
  PackScratch work;
  if (!block_masses(weights, rule, number, quota, true, work.masses)) return false;
  split_masses(layout, number, table, work, block);
  add_up(work, block);
  merge(work, block);
  find_end(work, block);
  place(work, block);
  write_slots(layout, number, work, block, table);
  name_leftover_lights(layout, number, work, block);
  return true;
}

bool pack_blocks(WeightView weights, const MassRule& rule, uint64_t first, uint64_t count, const uint64_t* quotas,
                 PackedBlock* blocks, AliasEntry* table) {
  for (uint64_t b = 0; b < count; ++b) {
    if (!pack_block(weights, rule, first + b, quotas[b], blocks[b], table)) return false;
  }
  return true;
}
