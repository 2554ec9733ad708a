// Standard floating-point behaviour for as long as the object lives, whatever the caller has set:
// torch.set_flush_denormal(True), for instance, would turn denormal weights into zeros.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#elif defined(__aarch64__) && defined(__GNUC__)
#else
#include <cfenv>
#endif

namespace pysampler {

#if defined(__x86_64__) || defined(_M_X64)

using FloatEnvironment = unsigned;
inline FloatEnvironment float_environment() { return _mm_getcsr(); }
inline void set_float_environment(FloatEnvironment wanted) { _mm_setcsr(wanted); }
// All exceptions masked, round to nearest, denormals kept.
inline void set_standard_floats() { set_float_environment(0x1F80); }
// Or but for the flags of past exceptions.
inline bool is_standard(FloatEnvironment current) { return (current & ~0x3Fu) == 0x1F80; }

#elif defined(__aarch64__) && defined(__GNUC__)

using FloatEnvironment = uint64_t;
inline FloatEnvironment float_environment() {
  FloatEnvironment current;
  asm volatile("mrs %0, fpcr" : "=r"(current)::"memory");
  return current;
}
inline void set_float_environment(FloatEnvironment wanted) { asm volatile("msr fpcr, %0" ::"r"(wanted) : "memory"); }
inline void set_standard_floats() { set_float_environment(0); }
inline bool is_standard(FloatEnvironment current) { return current == 0; }

#else  // what the language offers, which knows nothing of flushing

using FloatEnvironment = std::fenv_t;
inline FloatEnvironment float_environment() {
  FloatEnvironment current;
  std::fegetenv(&current);
  return current;
}
inline void set_float_environment(const FloatEnvironment& wanted) { std::fesetenv(&wanted); }
inline void set_standard_floats() { std::fesetenv(FE_DFL_ENV); }
inline bool is_standard(const FloatEnvironment&) { return false; }  // there is no telling

#endif

class StandardFloats {
 public:
  // To set it costs more than a small draw's look-up, and mostly it is what it should be.
  StandardFloats() : saved_(float_environment()) {
    if (!is_standard(saved_)) set_standard_floats();
  }
  ~StandardFloats() {
    if (!is_standard(saved_)) set_float_environment(saved_);
  }
  StandardFloats(const StandardFloats&) = delete;
  StandardFloats& operator=(const StandardFloats&) = delete;

 private:
  FloatEnvironment saved_;
};

}  // namespace pysampler
