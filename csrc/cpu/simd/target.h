// Which instruction set the kernels use. Chosen once, when the library is loaded.
#pragma once

#include <vector>

// AVX2 and AVX-512 need GCC's or Clang's target attributes; SSE2 needs nothing on x86-64. The kernels of 64-bit ARM are
// compiled by GCC and Clang. Every other platform runs the portable kernels, and so does a build with
// -DPYSAMPLER_X86_KERNELS=0 or -DPYSAMPLER_NEON_KERNELS=0.
#if defined(PYSAMPLER_SSE2_KERNELS)
#elif defined(PYSAMPLER_X86_KERNELS)
#define PYSAMPLER_SSE2_KERNELS PYSAMPLER_X86_KERNELS
#elif defined(__x86_64__) || (defined(_M_X64) && !defined(_M_ARM64EC))
#define PYSAMPLER_SSE2_KERNELS 1
#else
#define PYSAMPLER_SSE2_KERNELS 0
#endif

#if defined(PYSAMPLER_X86_KERNELS)
#elif defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define PYSAMPLER_X86_KERNELS 1
#else
#define PYSAMPLER_X86_KERNELS 0
#endif

#if defined(PYSAMPLER_NEON_KERNELS)
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define PYSAMPLER_NEON_KERNELS 1
#else
#define PYSAMPLER_NEON_KERNELS 0
#endif

namespace pysampler {

enum class Target { kPortable, kNeon, kSse2, kAvx2, kAvx512 };

const char* target_name(Target target);

// What this processor can run, best first; always ends with kPortable.
std::vector<Target> supported_targets();

// The best supported target, or the one that the environment variable PYSAMPLER_CPU_TARGET names
// (avx512, avx2, sse2, neon, portable). Throws std::runtime_error if that one is unknown or unsupported.
Target choose_target();

// The kernels in use: what choose_target() said when first asked for.
Target active_target();

}  // namespace pysampler
