// Four 64-bit lanes in NEON, their low and high halves in a register each: a 64-bit lane then needs no narrowing before
// it is multiplied, a shift by 32 costs nothing, and halves that nobody reads are not computed. Included by
// for_each_target.h, in a namespace of its own.

struct Lanes {
  static constexpr int kCount = 4;
  uint32x4_t low, high;
};

// The lanes of two registers, each with two of them in a row.
inline Lanes from_pairs(uint64x2_t first, uint64x2_t second) {
  const uint32x4_t a = vreinterpretq_u32_u64(first), b = vreinterpretq_u32_u64(second);
  return {vuzp1q_u32(a, b), vuzp2q_u32(a, b)};
}

inline Lanes broadcast(uint64_t value) {
  return {vdupq_n_u32(static_cast<uint32_t>(value)), vdupq_n_u32(static_cast<uint32_t>(value >> 32))};
}
inline Lanes iota() {
  return {vcombine_u32(vcreate_u32(uint64_t{1} << 32), vcreate_u32(uint64_t{3} << 32 | 2)), vdupq_n_u32(0)};
}
inline Lanes load(const uint64_t* from) { return from_pairs(vld1q_u64(from), vld1q_u64(from + 2)); }
inline void store(uint64_t* to, Lanes a) {
  vst1q_u64(to, vreinterpretq_u64_u32(vzip1q_u32(a.low, a.high)));
  vst1q_u64(to + 2, vreinterpretq_u64_u32(vzip2q_u32(a.low, a.high)));
}
inline void stream_store(uint64_t* to, Lanes a) { store(to, a); }
inline void stream_fence() {}
inline Lanes add(Lanes a, Lanes b) {
  const uint32x4_t low = vaddq_u32(a.low, b.low), carry = vcltq_u32(low, b.low);  // a carry is -1
  return {low, vsubq_u32(vaddq_u32(a.high, b.high), carry)};
}
inline Lanes bit_and(Lanes a, Lanes b) { return {vandq_u32(a.low, b.low), vandq_u32(a.high, b.high)}; }
inline Lanes bit_or(Lanes a, Lanes b) { return {vorrq_u32(a.low, b.low), vorrq_u32(a.high, b.high)}; }
inline Lanes xor3(Lanes a, Lanes b, Lanes c) {
  return {veorq_u32(veorq_u32(a.low, c.low), b.low), veorq_u32(veorq_u32(a.high, c.high), b.high)};
}
template <int kBits>
inline Lanes shift_left(Lanes a) {
  static_assert(kBits > 0 && kBits < 32, "within the halves");
  return {vshlq_n_u32(a.low, kBits), vsriq_n_u32(vshlq_n_u32(a.high, kBits), a.low, 32 - kBits)};
}
template <int kBits>
inline Lanes shift_right(Lanes a) {
  if constexpr (kBits == 32) {
    return {a.high, vdupq_n_u32(0)};
  } else {
    static_assert(kBits > 0 && kBits < 32, "within the halves, or by a whole one");
    return {vsliq_n_u32(vshrq_n_u32(a.low, kBits), a.high, 32 - kBits), vshrq_n_u32(a.high, kBits)};
  }
}
inline Lanes multiply_low32(Lanes a, Lanes b) {
  return from_pairs(vmull_u32(vget_low_u32(a.low), vget_low_u32(b.low)), vmull_high_u32(a.low, b.low));
}
inline Lanes low32_of_and_shifted(Lanes low, Lanes high) { return {low.low, high.low}; }
inline Lanes choose(Lanes nonzero, Lanes if_set, Lanes if_clear) {
  const uint32x4_t any = vorrq_u32(nonzero.low, nonzero.high), is_set = vtstq_u32(any, any);
  return {vbslq_u32(is_set, if_set.low, if_clear.low), vbslq_u32(is_set, if_set.high, if_clear.high)};
}
inline Lanes choose_if_low32_less(Lanes a, Lanes b, Lanes if_less, Lanes otherwise) {
  const uint32x4_t less = vcltq_u32(a.low, b.low);
  return {vbslq_u32(less, if_less.low, otherwise.low), vbslq_u32(less, if_less.high, otherwise.high)};
}
