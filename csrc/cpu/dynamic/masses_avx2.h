// Masses of weights in AVX2. Included by tree_kernel.inc, in a namespace and a target region of its own.

// What turns weights into masses: 2^scale as two factors, for one alone could leave the range of a double. With a
// positive scale both steps are exact; with a negative one a denormal in between becomes a mass of 1 anyway.
struct ScaleFactors {
  explicit ScaleFactors(int scale)
      : first(_mm256_set1_pd(power(scale / 2))), second(_mm256_set1_pd(power(scale - scale / 2))) {}
  static double power(int exponent) {
    const uint64_t bits = static_cast<uint64_t>(exponent + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  __m256d first, second;
};

// Four masses. There is no conversion to 64-bit integers: numbers below 2^52 are rounded by adding 2^52, larger ones are
// whole; then the two halves of 32 bits are read off the mantissas of sums with 2^52.
inline __m256i four_masses(__m256d weights, const ScaleFactors& factors) {
  const __m256d limit = _mm256_set1_pd(0x1p63), whole = _mm256_set1_pd(0x1p52);
  const __m256d scaled = _mm256_min_pd(_mm256_mul_pd(_mm256_mul_pd(weights, factors.first), factors.second), limit);
  const __m256d rounded = _mm256_sub_pd(_mm256_add_pd(scaled, whole), whole);
  const __m256d value = _mm256_blendv_pd(scaled, rounded, _mm256_cmp_pd(scaled, whole, _CMP_LT_OQ));
  const __m256d high = _mm256_floor_pd(_mm256_mul_pd(value, _mm256_set1_pd(0x1p-32)));
  const __m256d low = _mm256_sub_pd(value, _mm256_mul_pd(high, _mm256_set1_pd(0x1p32)));
  const __m256i bits = _mm256_castpd_si256(whole);
  const __m256i highs = _mm256_xor_si256(_mm256_castpd_si256(_mm256_add_pd(high, whole)), bits);
  const __m256i lows = _mm256_xor_si256(_mm256_castpd_si256(_mm256_add_pd(low, whole)), bits);
  const __m256i mass = _mm256_add_epi64(_mm256_slli_epi64(highs, 32), lows);
  // One more where the mass is zero and the weight is not.
  const __m256i positive = _mm256_castpd_si256(_mm256_cmp_pd(weights, _mm256_setzero_pd(), _CMP_GT_OQ));
  const __m256i lost = _mm256_and_si256(positive, _mm256_cmpeq_epi64(mass, _mm256_setzero_si256()));
  return _mm256_sub_epi64(mass, lost);
}

inline __m256d four_weights(const float* from) { return _mm256_cvtps_pd(_mm_loadu_ps(from)); }
inline __m256d four_weights(const double* from) { return _mm256_loadu_pd(from); }
inline __m256i load4(const uint64_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
inline void store4(uint64_t* to, __m256i value) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value); }

// masses[i] = mass_of(weights[i], scale), for i in [0, 16).
template <class Weight>
inline void masses_of(const Weight* weights, int scale, uint64_t* masses) {
  const ScaleFactors factors(scale);
  for (int i = 0; i < 16; i += 4) store4(masses + i, four_masses(four_weights(weights + i), factors));
}

// How many of the four lanes are at most `unit`: both below 2^63, so that a signed comparison is right.
inline uint64_t count_at_most(__m256i lanes, __m256i unit) {
  const int above = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(lanes, unit)));
  return 4 - static_cast<uint64_t>(__builtin_popcount(static_cast<unsigned>(above)));
}

inline uint64_t count_of_eight(const uint64_t* numbers, uint64_t unit) {
  const __m256i lanes = _mm256_set1_epi64x(static_cast<long long>(unit));
  return count_at_most(load4(numbers), lanes) + count_at_most(load4(numbers + 4), lanes);
}

inline uint64_t child_of(const uint64_t* before, uint64_t unit) {
  const __m256i lanes = _mm256_set1_epi64x(static_cast<long long>(unit));
  uint64_t count = 0;
  for (int i = 0; i < 16; i += 4) count += count_at_most(load4(before + i), lanes);
  return count - 1;
}

inline void add_to(uint64_t* before, uint64_t child, uint64_t difference) {
  const __m256i place = _mm256_set1_epi64x(static_cast<long long>(child));
  const __m256i added = _mm256_set1_epi64x(static_cast<long long>(difference));
  __m256i index = _mm256_set_epi64x(3, 2, 1, 0);
  for (int i = 0; i < 16; i += 4) {
    store4(before + i, _mm256_add_epi64(load4(before + i), _mm256_and_si256(added, _mm256_cmpgt_epi64(index, place))));
    index = _mm256_add_epi64(index, _mm256_set1_epi64x(4));
  }
}

// Inclusive sums over the four lanes.
inline __m256i running_sum(__m256i x) {
  const __m256i zero = _mm256_setzero_si256();
  x = _mm256_add_epi64(x, _mm256_blend_epi32(_mm256_permute4x64_epi64(x, 0x90), zero, 0x03));
  return _mm256_add_epi64(x, _mm256_permute2x128_si256(x, x, 0x08));
}

// Which of a leaf's weights owns the unit.
template <class Weight>
inline uint64_t weight_at(const Weight* weights, int scale, uint64_t unit) {
  const ScaleFactors factors(scale);
  const __m256i lanes = _mm256_set1_epi64x(static_cast<long long>(unit));
  __m256i carried = _mm256_setzero_si256();
  uint64_t count = 0;
  for (int i = 0; i < 16; i += 4) {
    const __m256i ends = _mm256_add_epi64(running_sum(four_masses(four_weights(weights + i), factors)), carried);
    count += count_at_most(ends, lanes);
    carried = _mm256_permute4x64_epi64(ends, 0xFF);
  }
  return count;
}
