// From which sizes on memory is treated as far away.
#pragma once

#include <cstdint>

namespace pysampler {

// Random reads of a table of so many bytes are prefetched: it no longer fits the caches near the core.
constexpr uint64_t kPrefetchAboveBytes = 512 << 10;

// Whether an output of so many bytes should bypass the caches.
inline bool too_large_to_cache(uint64_t bytes) { return bytes > 8 << 20; }

}  // namespace pysampler
