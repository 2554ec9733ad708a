// Atomic operations, without any order among them, on integers that lie in somebody's array: what std::atomic_ref will do
// in C++20. Threads that only set bits and count need no more.
#pragma once

#include <cstdint>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

namespace pysampler {

#if defined(__GNUC__) || defined(__clang__)

template <class Word>
Word relaxed_load(const Word* from) {
  return __atomic_load_n(from, __ATOMIC_RELAXED);
}

inline void relaxed_or(uint64_t* word, uint64_t bits) { __atomic_fetch_or(word, bits, __ATOMIC_RELAXED); }

// Replaces *word by `wanted` if it is `expected`; else `expected` becomes what it is. May fail without cause.
inline bool relaxed_exchange(uint16_t* word, uint16_t& expected, uint16_t wanted) {
  return __atomic_compare_exchange_n(word, &expected, wanted, /*weak=*/true, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

#elif defined(_MSC_VER)

// Aligned loads of up to 64 bits are atomic on the processors that Windows runs on.
template <class Word>
Word relaxed_load(const Word* from) {
  return *static_cast<const volatile Word*>(from);
}

inline void relaxed_or(uint64_t* word, uint64_t bits) {
  _InterlockedOr64(reinterpret_cast<volatile long long*>(word), static_cast<long long>(bits));
}

inline bool relaxed_exchange(uint16_t* word, uint16_t& expected, uint16_t wanted) {
  const auto found = static_cast<uint16_t>(_InterlockedCompareExchange16(
      reinterpret_cast<volatile short*>(word), static_cast<short>(wanted), static_cast<short>(expected)));
  if (found == expected) return true;
  expected = found;
  return false;
}

#endif

}  // namespace pysampler
