// Sorting the items of a block into lights and heavies, in plain C++. Included by build_kernel.inc.

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
