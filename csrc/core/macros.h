// What compilers spell differently, under one name each.
#pragma once

#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pysampler needs a little-endian processor: it reads the two halves of a table's entry as one 64-bit number"
#endif

#if defined(_MSC_VER) && !defined(__clang__) && (defined(_M_X64) || defined(_M_IX86))
#include <xmmintrin.h>
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PYSAMPLER_INLINE inline __attribute__((always_inline))
#define PYSAMPLER_INLINE_LAMBDA __attribute__((always_inline))
#define PYSAMPLER_NOINLINE __attribute__((noinline))
#elif defined(_MSC_VER)
#define PYSAMPLER_INLINE __forceinline
#define PYSAMPLER_INLINE_LAMBDA
#define PYSAMPLER_NOINLINE __declspec(noinline)
#else
#define PYSAMPLER_INLINE inline
#define PYSAMPLER_INLINE_LAMBDA
#define PYSAMPLER_NOINLINE
#endif

// Marks the functions that a GPU kernel and the CPU share: one definition, compiled for both.
#if defined(__CUDACC__)
#define PYSAMPLER_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define PYSAMPLER_HOST_DEVICE PYSAMPLER_INLINE
#endif

namespace pysampler {

// Asks for the cache line of an address, which may be any number: near the core, to be read or to be written, or no nearer
// than the second-level cache. Nothing happens where the compiler has no word for it.
PYSAMPLER_INLINE void prefetch([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, 0, 3);
#elif defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
  _mm_prefetch(static_cast<const char*>(address), _MM_HINT_T0);
#endif
}

PYSAMPLER_INLINE void prefetch_to_write([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, 1, 3);
#else
  prefetch(address);
#endif
}

PYSAMPLER_INLINE void prefetch_to_l2([[maybe_unused]] const void* address) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(address, 0, 2);
#elif defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
  _mm_prefetch(static_cast<const char*>(address), _MM_HINT_T1);
#endif
}

}  // namespace pysampler
