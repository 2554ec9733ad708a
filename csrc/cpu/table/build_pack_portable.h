// From the masses of a block to its slots, in plain C++. Included by build_kernel.inc.

inline void split(const BlockLayout& layout, uint64_t block, const uint64_t* masses, PackedBlock& out) {
  uint64_t lights = 0, heavies = 0;
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = layout.group_start(block, group);
    const uint64_t size = layout.group_size(start);
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t mass = masses[group * kGroupItems + i];
      // Both lists are written and one of them grows: no branch to mispredict.
      out.light_mass[lights] = static_cast<uint32_t>(mass);
      out.light_id[lights] = static_cast<uint32_t>(start + i);
      out.excess[heavies] = mass - kSlotMass;
      out.heavy_id[heavies] = static_cast<uint32_t>(start + i);
      const bool is_light = mass < kSlotMass;
      lights += is_light;
      heavies += !is_light;
    }
  }
  out.lights = lights;
  out.heavies = heavies;
}

// deficit[i]: of the lights before i, the sum of (slot - mass). excess[j]: up to and including heavy j, of (mass - slot).
inline void accumulate(PackedBlock& block) {
  uint64_t deficit = 0, excess = 0;
  for (uint64_t i = 0; i < block.lights; ++i) {
    block.deficit[i] = deficit;
    deficit += kSlotMass - block.light_mass[i];
  }
  block.deficit[block.lights] = deficit;
  for (uint64_t j = 0; j < block.heavies; ++j) {
    excess += block.excess[j];
    block.excess[j] = excess;
  }
}

// filler_of[i]: the number of the heavy that fills light i's slot. closed_at[j]: how many lights were filled when heavy j
// closed.
//
// One step of the merge of lights and heavies: close heavy j if it has given away more than its excess, else fill light
// i. Written without branches; the entry that does not apply is overwritten later.
#define PYSAMPLER_MERGE_STEP(block, i, j)                            \
  do {                                                               \
    (block).filler_of[i] = static_cast<uint16_t>(j);                 \
    (block).closed_at[j] = static_cast<uint16_t>(i);                 \
    const uint64_t closes = (block).excess[j] < (block).deficit[i];  \
    (j) += closes;                                                   \
    (i) += 1 - closes;                                               \
  } while (0)

inline void finish_merge(PackedBlock& block, uint64_t i, uint64_t j) {
  while (j + 1 < block.heavies && i < block.lights) PYSAMPLER_MERGE_STEP(block, i, j);
  if (j < block.heavies) {
    // Either the last heavy, which cannot close inside the block, or no light left.
    while (i < block.lights && block.excess[j] >= block.deficit[i]) block.filler_of[i++] = static_cast<uint16_t>(j);
    while (j + 1 < block.heavies && block.excess[j] < block.deficit[i]) block.closed_at[j++] = static_cast<uint16_t>(i);
  }
  block.lights_done = i;
  block.heavies_done = j;
  block.deficit_done = block.deficit[i];
  block.deficit_all = block.deficit[block.lights];
}

// The merge is one long chain of dependent steps; four blocks at once keep the processor busy.
inline void merge_four(PackedBlock* blocks) {
  PackedBlock &a = blocks[0], &b = blocks[1], &c = blocks[2], &d = blocks[3];
  uint64_t i0 = 0, i1 = 0, i2 = 0, i3 = 0, j0 = 0, j1 = 0, j2 = 0, j3 = 0;
  const auto safe_steps = [](const PackedBlock& block, uint64_t i, uint64_t j) {
    if (j + 1 >= block.heavies) return uint64_t{0};
    const uint64_t lights = block.lights - i, heavies = block.heavies - 1 - j;
    return lights < heavies ? lights : heavies;
  };
  for (;;) {
    uint64_t steps = safe_steps(a, i0, j0);
    const uint64_t others[3] = {safe_steps(b, i1, j1), safe_steps(c, i2, j2), safe_steps(d, i3, j3)};
    for (const uint64_t other : others) steps = other < steps ? other : steps;
    if (steps == 0) break;
    for (; steps != 0; --steps) {
      PYSAMPLER_MERGE_STEP(a, i0, j0);
      PYSAMPLER_MERGE_STEP(b, i1, j1);
      PYSAMPLER_MERGE_STEP(c, i2, j2);
      PYSAMPLER_MERGE_STEP(d, i3, j3);
    }
  }
  finish_merge(a, i0, j0);
  finish_merge(b, i1, j1);
  finish_merge(c, i2, j2);
  finish_merge(d, i3, j3);
}

inline void emit(const PackedBlock& block, AliasEntry* table) {
  for (uint64_t i = 0; i < block.lights_done; ++i) {
    table[block.light_id[i]] = {block.light_mass[i], block.heavy_id[block.filler_of[i]]};
  }
  for (uint64_t j = 0; j < block.heavies_done; ++j) {
    table[block.heavy_id[j]] =
        closed_heavy(block.excess[j], block.deficit[block.closed_at[j]], block.heavy_id[j + 1]);
  }
  for (uint64_t i = block.lights_done; i < block.lights; ++i) table[block.light_id[i]].threshold = block.light_mass[i];
}

bool pack_blocks(WeightView weights, const MassRule& rule, uint64_t first, uint64_t count, const uint64_t* quotas,
                 PackedBlock* blocks, AliasEntry* table) {
  const BlockLayout layout = block_layout(weights.count);
  for (uint64_t b = 0; b < count; ++b) {
    alignas(64) uint64_t masses[kBlockItems];
    if (!block_masses(weights, rule, first + b, quotas[b], true, masses)) return false;
    split(layout, first + b, masses, blocks[b]);
    accumulate(blocks[b]);
  }
  if (count == kPackedTogether) {
    merge_four(blocks);
  } else {
    for (uint64_t b = 0; b < count; ++b) finish_merge(blocks[b], 0, 0);
  }
  for (uint64_t b = 0; b < count; ++b) emit(blocks[b], table);
  return true;
}

#undef PYSAMPLER_MERGE_STEP
