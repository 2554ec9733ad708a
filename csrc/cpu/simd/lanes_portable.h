// Two 64-bit lanes in plain C++: the reference that the vector versions must equal, and the fallback. Two rather than
// four, for a pair of vectors then stays in sixteen registers.
// Included by for_each_target.h, in a namespace of its own.

struct Lanes {
  static constexpr int kCount = 2;
  uint64_t lane[kCount];
};

template <class Function>
inline Lanes each_lane(Function function) {
  Lanes result;
  for (int i = 0; i < Lanes::kCount; ++i) result.lane[i] = function(i);
  return result;
}

inline Lanes broadcast(uint64_t value) {
  return each_lane([=](int) { return value; });
}
inline Lanes iota() {
  return each_lane([](int i) { return static_cast<uint64_t>(i); });
}
inline Lanes load(const uint64_t* from) {
  return each_lane([=](int i) { return from[i]; });
}
inline void store(uint64_t* to, Lanes a) {
  for (int i = 0; i < Lanes::kCount; ++i) to[i] = a.lane[i];
}
inline void stream_store(uint64_t* to, Lanes a) { store(to, a); }
inline void stream_fence() {}
inline Lanes add(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline Lanes bit_and(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.lane[i] & b.lane[i]; });
}
inline Lanes bit_or(Lanes a, Lanes b) {
  return each_lane([&](int i) { return a.lane[i] | b.lane[i]; });
}
inline Lanes xor3(Lanes a, Lanes b, Lanes c) {
  return each_lane([&](int i) { return a.lane[i] ^ b.lane[i] ^ c.lane[i]; });
}
template <int kBits>
inline Lanes shift_left(Lanes a) {
  return each_lane([&](int i) { return a.lane[i] << kBits; });
}
template <int kBits>
inline Lanes shift_right(Lanes a) {
  return each_lane([&](int i) { return a.lane[i] >> kBits; });
}
inline Lanes multiply_low32(Lanes a, Lanes b) {
  return each_lane([&](int i) { return (a.lane[i] & 0xFFFFFFFFu) * (b.lane[i] & 0xFFFFFFFFu); });
}
inline Lanes low32_of_and_shifted(Lanes low, Lanes high) {
  return each_lane([&](int i) { return (low.lane[i] & 0xFFFFFFFFu) | high.lane[i] << 32; });
}
inline Lanes choose(Lanes nonzero, Lanes if_set, Lanes if_clear) {
  return each_lane([&](int i) { return nonzero.lane[i] != 0 ? if_set.lane[i] : if_clear.lane[i]; });
}
inline Lanes choose_if_low32_less(Lanes a, Lanes b, Lanes if_less, Lanes otherwise) {
  return each_lane([&](int i) {
    // By arithmetic: nobody could predict a branch. All ones where the difference is negative.
    const uint64_t less = 0 - (((a.lane[i] & 0xFFFFFFFFu) - (b.lane[i] & 0xFFFFFFFFu)) >> 63);
    return otherwise.lane[i] ^ ((otherwise.lane[i] ^ if_less.lane[i]) & less);
  });
}
