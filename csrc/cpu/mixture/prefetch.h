// A hint that memory will be read soon; nothing where the compiler has none.
#pragma once

namespace pysampler {

inline void prefetch(const void* address) {
#if defined(__GNUC__)
  __builtin_prefetch(address);
#else
  (void)address;
#endif
}

}  // namespace pysampler
