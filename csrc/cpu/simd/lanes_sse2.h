// Two 64-bit lanes in SSE2, which every x86-64 processor has: no region is needed. A pair of vectors of Philox words stays
// in its sixteen registers, four lanes would not. Included by for_each_target.h, in a namespace of its own.

struct Lanes {
  static constexpr int kCount = 2;
  __m128i v;
};

inline Lanes broadcast(uint64_t value) { return {_mm_set1_epi64x(static_cast<long long>(value))}; }
inline Lanes iota() { return {_mm_set_epi64x(1, 0)}; }
inline Lanes load(const uint64_t* from) { return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))}; }
inline void store(uint64_t* to, Lanes a) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), a.v); }
inline void stream_store(uint64_t* to, Lanes a) { _mm_stream_si128(reinterpret_cast<__m128i*>(to), a.v); }
inline void stream_fence() { _mm_sfence(); }
inline Lanes add(Lanes a, Lanes b) { return {_mm_add_epi64(a.v, b.v)}; }
inline Lanes bit_and(Lanes a, Lanes b) { return {_mm_and_si128(a.v, b.v)}; }
inline Lanes bit_or(Lanes a, Lanes b) { return {_mm_or_si128(a.v, b.v)}; }
inline Lanes xor3(Lanes a, Lanes b, Lanes c) { return {_mm_xor_si128(_mm_xor_si128(a.v, b.v), c.v)}; }
template <int kBits>
inline Lanes shift_left(Lanes a) {
  return {_mm_slli_epi64(a.v, kBits)};
}
template <int kBits>
inline Lanes shift_right(Lanes a) {
  return {_mm_srli_epi64(a.v, kBits)};
}
inline Lanes multiply_low32(Lanes a, Lanes b) { return {_mm_mul_epu32(a.v, b.v)}; }
inline Lanes low32_of_and_shifted(Lanes low, Lanes high) {
  return {_mm_unpacklo_epi32(_mm_shuffle_epi32(low.v, 0x08), _mm_shuffle_epi32(high.v, 0x08))};  // 0x08: halves 0 and 2
}
// The bits of `if_set` where the mask is set, those of `otherwise` elsewhere.
inline Lanes merge(__m128i mask, Lanes if_set, Lanes otherwise) {
  return {_mm_xor_si128(otherwise.v, _mm_and_si128(_mm_xor_si128(otherwise.v, if_set.v), mask))};
}
inline Lanes choose(Lanes nonzero, Lanes if_set, Lanes if_clear) {
  const __m128i halves_clear = _mm_cmpeq_epi32(nonzero.v, _mm_setzero_si128());
  const __m128i clear = _mm_and_si128(halves_clear, _mm_shuffle_epi32(halves_clear, 0xB1));  // 0xB1: halves swapped
  return merge(clear, if_clear, if_set);
}
inline Lanes choose_if_low32_less(Lanes a, Lanes b, Lanes if_less, Lanes otherwise) {
  const __m128i low = _mm_set1_epi64x(0xFFFFFFFFll);
  const __m128i difference = _mm_sub_epi64(_mm_and_si128(a.v, low), _mm_and_si128(b.v, low));
  return merge(_mm_shuffle_epi32(difference, 0xF5), if_less, otherwise);  // its high half is -1 if it is less, else 0
}
