// Lists and slots of a block in plain C++. Included by build_pack.h.

inline void make_lists(const BlockLayout& layout, uint64_t number, const AliasEntry* table, PackScratch& work,
                       PackedBlock& out) {
  uint64_t lights = 0, heavies = 0, deficit = 0, excess = 0;
  work.reversed_deficit[PackScratch::kLast] = 0;
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = layout.group_start(number, group), size = layout.group_size(start);
    ask_for_first_slots(table + start);
    ask_for_second_slots(table + start);
    for (uint64_t i = 0; i < size; ++i) {
      const uint64_t mass = work.masses[group * kGroupItems + i], over = mass - kSlotMass;
      // Both lists are written and one of them grows: no branch to mispredict.
      const uint64_t is_light = mass < kSlotMass, light_mask = 0 - is_light;
      deficit -= over & light_mask;
      excess += over & ~light_mask;
      out.light_id[lights] = static_cast<uint32_t>(start + i);
      work.reversed_deficit[PackScratch::kLast - 1 - lights] = deficit;
      out.heavy_id[heavies] = static_cast<uint32_t>(start + i);
      out.excess[heavies] = excess;
      lights += is_light;
      heavies += 1 - is_light;
    }
  }
  out.lights = lights;
  out.heavies = heavies;
}

// In the order of the path. A light keeps its mass, which is the difference of two deficits, and gets the heavy that fills
// it; a heavy keeps what it has when it closes, and gets the next one.
inline void fill_slots(const BlockLayout&, uint64_t, const PackScratch& work, const PackedBlock& block, AliasEntry* table) {
  const uint64_t steps = block.lights_done + block.heavies_done;
  for (uint64_t step = 0; step < steps; ++step) {
    const uint64_t j = work.closed_before[step], closes = work.closed_before[step + 1] - j, i = step - j;
    const uint64_t deficit = work.deficit(i), as_light = deficit - work.deficit(i + 1), as_heavy = block.excess[j] - deficit;
    const uint32_t light_mask = static_cast<uint32_t>(closes) - 1;
    const uint32_t item = block.heavy_id[j] ^ ((block.heavy_id[j] ^ block.light_id[i]) & light_mask);
    const auto threshold = static_cast<uint32_t>(as_heavy ^ ((as_heavy ^ as_light) & light_mask));
    table[item] = {threshold, block.heavy_id[j + closes]};
  }
  for (uint64_t i = block.lights_done; i < block.lights; ++i) {
    table[block.light_id[i]].threshold = static_cast<uint32_t>(work.deficit(i) - work.deficit(i + 1));
  }
}
