// Standard floating-point behaviour for as long as the object lives, whatever the caller has set:
// torch.set_flush_denormal(True), for instance, would turn denormal weights into zeros.
#pragma once

#include "cpu/simd/target.h"

#if PYSAMPLER_X86_KERNELS
#include <xmmintrin.h>
#endif

namespace pysampler {

class StandardFloats {
 public:
#if PYSAMPLER_X86_KERNELS
  // To set it costs more than a small draw's look-up, and mostly only the flags of past exceptions differ.
  StandardFloats() : saved_(_mm_getcsr()) {
    if ((saved_ & ~kFlags) != kDefault) _mm_setcsr(kDefault);
  }
  ~StandardFloats() {
    if ((saved_ & ~kFlags) != kDefault) _mm_setcsr(saved_);
  }

 private:
  static constexpr unsigned kFlags = 0x3F;
  static constexpr unsigned kDefault = 0x1F80;  // all exceptions masked, round to nearest, denormals kept
  unsigned saved_;
#else
  StandardFloats() {}
  ~StandardFloats() {}
#endif

 public:
  StandardFloats(const StandardFloats&) = delete;
  StandardFloats& operator=(const StandardFloats&) = delete;
};

}  // namespace pysampler
