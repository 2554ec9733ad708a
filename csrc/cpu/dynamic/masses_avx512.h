// Masses of weights in AVX-512. Included by tree_kernel.inc, in a namespace and a target region of its own.

struct Sixteen {
  __m512i low, high;
};

// Sixteen masses, of weights no more than 2^63 once scaled; what scaling has rounded to zero, of positive weights, becomes
// 1. scalef scales exactly, whatever the scale, but for numbers that are denormal after it: those are far below a half.
inline Sixteen whole_masses(__m512 scaled, __mmask16 positive) {
  constexpr int kToNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  const __m512i one = _mm512_set1_epi64(1);
  const __m512i low = _mm512_cvt_roundps_epu64(_mm512_castps512_ps256(scaled), kToNearest);
  const __m512i high = _mm512_cvt_roundps_epu64(_mm512_extractf32x8_ps(scaled, 1), kToNearest);
  return {_mm512_mask_max_epu64(low, static_cast<__mmask8>(positive), low, one),
          _mm512_mask_max_epu64(high, static_cast<__mmask8>(positive >> 8), high, one)};
}
inline __m512i whole_masses(__m512d scaled, __m512d weights) {
  const __m512i mass = _mm512_cvt_roundpd_epu64(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __mmask8 positive = _mm512_cmp_pd_mask(weights, _mm512_setzero_pd(), _CMP_GT_OQ);
  return _mm512_mask_max_epu64(mass, positive, mass, _mm512_set1_epi64(1));
}

// Of any weights, and of those in a tree, none of which weighs 2^63.
template <bool kInTree>
inline Sixteen sixteen_masses(const float* from, int scale) {
  const __m512 weights = _mm512_loadu_ps(from);
  __m512 scaled = _mm512_scalef_ps(weights, _mm512_set1_ps(static_cast<float>(scale)));
  if (!kInTree) scaled = _mm512_min_ps(scaled, _mm512_set1_ps(0x1p63f));
  return whole_masses(scaled, _mm512_cmp_ps_mask(weights, _mm512_setzero_ps(), _CMP_GT_OQ));
}
template <bool kInTree>
inline Sixteen sixteen_masses(const double* from, int scale) {
  const __m512d exponent = _mm512_set1_pd(scale);
  const __m512d first = _mm512_loadu_pd(from), second = _mm512_loadu_pd(from + 8);
  __m512d low = _mm512_scalef_pd(first, exponent), high = _mm512_scalef_pd(second, exponent);
  if (!kInTree) {
    low = _mm512_min_pd(low, _mm512_set1_pd(0x1p63));
    high = _mm512_min_pd(high, _mm512_set1_pd(0x1p63));
  }
  return {whole_masses(low, first), whole_masses(high, second)};
}

// masses[i] = mass_of(weights[i], scale), for i in [0, 16).
template <class Weight>
inline void masses_of(const Weight* weights, int scale, uint64_t* masses) {
  const Sixteen sixteen = sixteen_masses<false>(weights, scale);
  _mm512_storeu_si512(masses, sixteen.low);
  _mm512_storeu_si512(masses + 8, sixteen.high);
}

// How many of the sixteen lanes are at most `unit`.
inline uint64_t count_at_most(__m512i low, __m512i high, uint64_t unit) {
  const __m512i lanes = _mm512_set1_epi64(static_cast<long long>(unit));
  const __mmask16 both = _mm512_kunpackb(_mm512_cmple_epu64_mask(high, lanes), _mm512_cmple_epu64_mask(low, lanes));
  return static_cast<uint64_t>(__builtin_popcount(_cvtmask16_u32(both)));
}

// How many of eight numbers are at most `unit`.
inline uint64_t count_of_eight(const uint64_t* numbers, uint64_t unit) {
  const __m512i lanes = _mm512_set1_epi64(static_cast<long long>(unit));
  const __mmask8 mask = _mm512_cmple_epu64_mask(_mm512_loadu_si512(numbers), lanes);
  return static_cast<uint64_t>(__builtin_popcount(_cvtmask8_u32(mask)));
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
  const Sixteen masses = sixteen_masses<true>(weights, scale);
  const __m512i low = running_sum(masses.low), high = running_sum(masses.high);
  const __m512i last = _mm512_permutexvar_epi64(_mm512_set1_epi64(7), low);
  return count_at_most(low, _mm512_add_epi64(high, last), unit);
}
