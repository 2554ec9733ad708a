// What threads of different blocks may do to the same memory. Each of these gives the same whatever the order. The CPU
// runs bodies thread after thread and needs no more than the plain operation.
#pragma once

#include <cstdint>

#include "core/macros.h"

namespace pysampler::cuda {

PYSAMPLER_HOST_DEVICE void atomic_min(uint64_t* to, uint64_t value) {
#if defined(__CUDA_ARCH__)
  atomicMin(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
#else
  *to = value < *to ? value : *to;
#endif
}

PYSAMPLER_HOST_DEVICE void atomic_max(uint32_t* to, uint32_t value) {
#if defined(__CUDA_ARCH__)
  atomicMax(to, value);
#else
  *to = value > *to ? value : *to;
#endif
}

PYSAMPLER_HOST_DEVICE void atomic_add(uint64_t* to, uint64_t value) {
#if defined(__CUDA_ARCH__)
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
#else
  *to += value;
#endif
}

PYSAMPLER_HOST_DEVICE void atomic_or(uint64_t* to, uint64_t bits) {
#if defined(__CUDA_ARCH__)
  // Most bits are set already sooner or later, and many threads writing to one word wait for each other.
  if ((__ldcg(reinterpret_cast<const unsigned long long*>(to)) & bits) == bits) return;
  atomicOr(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(bits));
#else
  *to |= bits;
#endif
}

// Adds one, unless `most` is reached. On a GPU, threads that do so at the same time may go beyond it, each by one; so a
// count that is `most` or more stands for `most`, and as long as fewer threads run than 2^32 - most it never wraps. One
// addition, which nobody waits for: a loop that compares and swaps takes k^2 / 2 steps where k threads count one item.
PYSAMPLER_HOST_DEVICE void atomic_count(uint32_t* to, uint32_t most) {
#if defined(__CUDA_ARCH__)
  if (__ldcg(to) < most) atomicAdd(to, 1u);
#else
  *to += *to < most;
#endif
}

}  // namespace pysampler::cuda
