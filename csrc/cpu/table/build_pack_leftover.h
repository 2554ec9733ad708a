// The numbers of the lights that are left over, which only they need. Included by the kernels that write slots in the order
// of the items; `name(ids, start, set)` writes the numbers of the items start + i, i in the set, to ids[0], ids[1], ..., and
// perhaps more behind them.
template <class Name>
PYSAMPLER_INLINE void name_leftover_lights(const BlockLayout& layout, uint64_t block_number, const PackScratch& work,
                                           PackedBlock& block, Name name) {
  uint64_t light = block.lights, group = kGroups;
  while (light > block.lights_done) light -= static_cast<uint64_t>(__builtin_popcount(work.light_places[--group]));
  for (; light < block.lights; ++group) {  // some of the first group's may have been placed; they are before the others
    const uint32_t places = work.light_places[group];
    name(block.light_id + light, static_cast<uint32_t>(layout.group_start(block_number, group)), places);
    light += static_cast<uint64_t>(__builtin_popcount(places));
  }
}
