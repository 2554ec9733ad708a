// Four 64-bit lanes in AVX2. Included by for_each_target.h, in a namespace and a target region of its own.

struct Lanes {
  static constexpr int kCount = 4;
  __m256i v;
};

inline Lanes broadcast(uint64_t value) { return {_mm256_set1_epi64x(static_cast<long long>(value))}; }
inline Lanes iota() { return {_mm256_set_epi64x(3, 2, 1, 0)}; }
inline Lanes load(const uint64_t* from) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
}
inline void store(uint64_t* to, Lanes a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a.v); }
inline void stream_store(uint64_t* to, Lanes a) { _mm256_stream_si256(reinterpret_cast<__m256i*>(to), a.v); }
inline void stream_fence() { _mm_sfence(); }
inline Lanes add(Lanes a, Lanes b) { return {_mm256_add_epi64(a.v, b.v)}; }
inline Lanes bit_and(Lanes a, Lanes b) { return {_mm256_and_si256(a.v, b.v)}; }
inline Lanes bit_or(Lanes a, Lanes b) { return {_mm256_or_si256(a.v, b.v)}; }
inline Lanes xor3(Lanes a, Lanes b, Lanes c) {
  return {_mm256_xor_si256(_mm256_xor_si256(a.v, b.v), c.v)};
}
template <int kBits>
inline Lanes shift_left(Lanes a) {
  return {_mm256_slli_epi64(a.v, kBits)};
}
template <int kBits>
inline Lanes shift_right(Lanes a) {
  return {_mm256_srli_epi64(a.v, kBits)};
}
inline Lanes multiply_low32(Lanes a, Lanes b) { return {_mm256_mul_epu32(a.v, b.v)}; }
inline Lanes low32_of_and_shifted(Lanes low, Lanes high) {
  return {_mm256_blend_epi32(low.v, _mm256_slli_epi64(high.v, 32), 0xAA)};
}
inline Lanes choose(Lanes nonzero, Lanes if_set, Lanes if_clear) {
  const __m256i clear = _mm256_cmpeq_epi64(nonzero.v, _mm256_setzero_si256());
  return {_mm256_blendv_epi8(if_set.v, if_clear.v, clear)};
}
inline Lanes choose_if_low32_less(Lanes a, Lanes b, Lanes if_less, Lanes otherwise) {
  const __m256i low = _mm256_set1_epi64x(0xFFFFFFFFll);  // both sides < 2^32, so the signed comparison is right
  const __m256i less = _mm256_cmpgt_epi64(_mm256_and_si256(b.v, low), _mm256_and_si256(a.v, low));
  return {_mm256_blendv_epi8(otherwise.v, if_less.v, less)};
}
