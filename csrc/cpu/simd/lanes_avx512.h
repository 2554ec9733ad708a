// Eight 64-bit lanes in AVX-512. Included by for_each_target.h, in a namespace and a target region of its own.

struct Lanes {
  static constexpr int kCount = 8;
  __m512i v;
};

inline Lanes broadcast(uint64_t value) { return {_mm512_set1_epi64(static_cast<long long>(value))}; }
inline Lanes iota() { return {_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)}; }
inline Lanes load(const uint64_t* from) { return {_mm512_loadu_si512(from)}; }
inline void store(uint64_t* to, Lanes a) { _mm512_storeu_si512(to, a.v); }
inline void stream_store(uint64_t* to, Lanes a) { _mm512_stream_si512(reinterpret_cast<__m512i*>(to), a.v); }
inline void stream_fence() { _mm_sfence(); }
inline Lanes add(Lanes a, Lanes b) { return {_mm512_add_epi64(a.v, b.v)}; }
inline Lanes bit_and(Lanes a, Lanes b) { return {_mm512_and_si512(a.v, b.v)}; }
inline Lanes bit_or(Lanes a, Lanes b) { return {_mm512_or_si512(a.v, b.v)}; }
inline Lanes xor3(Lanes a, Lanes b, Lanes c) { return {_mm512_ternarylogic_epi64(a.v, b.v, c.v, 0x96)}; }
template <int kBits>
inline Lanes shift_left(Lanes a) {
  return {_mm512_slli_epi64(a.v, kBits)};
}
template <int kBits>
inline Lanes shift_right(Lanes a) {
  return {_mm512_srli_epi64(a.v, kBits)};
}
inline Lanes multiply_low32(Lanes a, Lanes b) { return {_mm512_mul_epu32(a.v, b.v)}; }
inline Lanes low32_of_and_shifted(Lanes low, Lanes high) {
  return {_mm512_mask_blend_epi32(0xAAAA, low.v, _mm512_slli_epi64(high.v, 32))};
}
inline Lanes choose(Lanes nonzero, Lanes if_set, Lanes if_clear) {
  return {_mm512_mask_blend_epi64(_mm512_test_epi64_mask(nonzero.v, nonzero.v), if_clear.v, if_set.v)};
}
inline Lanes choose_if_low32_less(Lanes a, Lanes b, Lanes if_less, Lanes otherwise) {
  const __m512i low = _mm512_set1_epi64(0xFFFFFFFFll);
  const __mmask8 less = _mm512_cmplt_epu64_mask(_mm512_and_si512(a.v, low), _mm512_and_si512(b.v, low));
  return {_mm512_mask_blend_epi64(less, otherwise.v, if_less.v)};
}
