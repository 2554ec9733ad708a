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

// Adds one, unless that would exceed `most`.
PYSAMPLER_HOST_DEVICE void atomic_count(uint16_t* to, uint16_t most) {
#if defined(__CUDA_ARCH__)
  auto* const count = reinterpret_cast<unsigned short*>(to);
  unsigned short before = __ldcg(count);
  while (before < most) {
    const unsigned short found = atomicCAS(count, before, static_cast<unsigned short>(before + 1));
    if (found == before) return;
    before = found;
  }
#else
  *to = static_cast<uint16_t>(*to + (*to < most));
#endif
}

}  // namespace pysampler::cuda
