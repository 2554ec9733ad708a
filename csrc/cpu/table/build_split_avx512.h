// Sorting the items of a block into lights and heavies with AVX-512's compress. Included by build_kernel.inc.

inline void split(const BlockLayout& layout, uint64_t block, const uint64_t* masses, PackedBlock& out) {
  const __m512i slot_mass = _mm512_set1_epi64(static_cast<long long>(kSlotMass));
  const __m256i iota = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
  uint64_t lights = 0, heavies = 0;
  for (uint64_t group = 0; group < kGroups; ++group) {
    const uint64_t start = layout.group_start(block, group);
    const uint32_t present = (1u << layout.group_size(start)) - 1;
    for (uint64_t half = 0; half < 2; ++half) {
      const __m512i mass = _mm512_load_si512(masses + group * kGroupItems + half * 8);
      const __mmask8 here = static_cast<__mmask8>(present >> (half * 8));
      const __mmask8 light = _mm512_mask_cmplt_epu64_mask(here, mass, slot_mass);
      const __mmask8 heavy = static_cast<__mmask8>(here & ~light);
      const __m256i id = _mm256_add_epi32(iota, _mm256_set1_epi32(static_cast<int>(start + half * 8)));
      // Compressing in registers and storing all of it: compressing stores are slow on Zen 4.
      const __m256i light_mass = _mm512_cvtepi64_epi32(_mm512_maskz_compress_epi64(light, mass));
      const __m512i excess = _mm512_maskz_compress_epi64(heavy, _mm512_sub_epi64(mass, slot_mass));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.light_mass + lights), light_mass);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.light_id + lights), _mm256_maskz_compress_epi32(light, id));
      _mm512_storeu_si512(out.excess + heavies, excess);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.heavy_id + heavies), _mm256_maskz_compress_epi32(heavy, id));
      lights += static_cast<uint64_t>(__builtin_popcount(light));
      heavies += static_cast<uint64_t>(__builtin_popcount(heavy));
    }
  }
  out.lights = lights;
  out.heavies = heavies;
}
