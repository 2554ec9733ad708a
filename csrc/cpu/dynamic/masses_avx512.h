// Masses of weights in AVX-512. Included by tree_kernel.inc, in a namespace and a target region of its own.

inline __m512d eight_weights(const float* from) { return _mm512_cvtps_pd(_mm256_loadu_ps(from)); }
inline __m512d eight_weights(const double* from) { return _mm512_loadu_pd(from); }

// Eight masses of scaled weights up to 2^63. What scaling has rounded to zero, of positive weights, becomes 1.
inline __m512i eight_masses(__m512d scaled, __m512d weights) {
  const __m512i mass = _mm512_cvt_roundpd_epu64(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __mmask8 positive = _mm512_cmp_pd_mask(weights, _mm512_setzero_pd(), _CMP_GT_OQ);
  return _mm512_mask_max_epu64(mass, positive, mass, _mm512_set1_epi64(1));
}

// Of any weights, and of those in a tree, none of which weighs 2^63. scalef scales exactly, whatever the scale.
inline __m512i any_masses(__m512d weights, __m512d scale) {
  return eight_masses(_mm512_min_pd(_mm512_scalef_pd(weights, scale), _mm512_set1_pd(0x1p63)), weights);
}
inline __m512i held_masses(__m512d weights, __m512d scale) {
  return eight_masses(_mm512_scalef_pd(weights, scale), weights);
}

// masses[i] = mass_of(weights[i], scale), for i in [0, 16).
template <class Weight>
inline void masses_of(const Weight* weights, int scale, uint64_t* masses) {
  const __m512d exponent = _mm512_set1_pd(scale);
  _mm512_storeu_si512(masses, any_masses(eight_weights(weights), exponent));
  _mm512_storeu_si512(masses + 8, any_masses(eight_weights(weights + 8), exponent));
}

// How many of the sixteen lanes are at most `unit`.
inline uint64_t count_at_most(__m512i low, __m512i high, uint64_t unit) {
  const __m512i lanes = _mm512_set1_epi64(static_cast<long long>(unit));
  const unsigned mask = static_cast<unsigned>(_mm512_cmple_epu64_mask(low, lanes)) |
                        static_cast<unsigned>(_mm512_cmple_epu64_mask(high, lanes)) << 8;
  return static_cast<uint64_t>(__builtin_popcount(mask));
}

inline uint64_t child_of(const uint64_t* before, uint64_t unit) {
  return count_at_most(_mm512_loadu_si512(before), _mm512_loadu_si512(before + 8), unit) - 1;
}

inline void add_to(uint64_t* before, uint64_t child, uint64_t difference) {
  const __m512i added = _mm512_set1_epi64(static_cast<long long>(difference));
  const unsigned after = 0xFFFEu << child;
  const __m512i low = _mm512_loadu_si512(before), high = _mm512_loadu_si512(before + 8);
  _mm512_storeu_si512(before, _mm512_mask_add_epi64(low, static_cast<__mmask8>(after), low, added));
  _mm512_storeu_si512(before + 8, _mm512_mask_add_epi64(high, static_cast<__mmask8>(after >> 8), high, added));
}

// Inclusive sums over the eight lanes.
inline __m512i running_sum(__m512i x) {
  const __m512i zero = _mm512_setzero_si512();
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 7));
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 6));
  return _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 4));
}

// Which of a leaf's weights owns the unit.
template <class Weight>
inline uint64_t weight_at(const Weight* weights, int scale, uint64_t unit) {
  const __m512d exponent = _mm512_set1_pd(scale);
  const __m512i low = running_sum(held_masses(eight_weights(weights), exponent));
  const __m512i last = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), low);
  const __m512i high = running_sum(held_masses(eight_weights(weights + 8), exponent));
  return count_at_most(low, _mm512_add_epi64(high, last), unit);
}
