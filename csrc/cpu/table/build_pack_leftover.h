// The numbers of the lights that are left over, which only they need. Included by the kernels that write slots in the order
// of the items.
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
