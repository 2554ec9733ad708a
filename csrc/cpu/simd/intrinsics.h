// The compiler's vector intrinsics, where there are kernels that use them.
#pragma once

#include "cpu/simd/target.h"

#if PYSAMPLER_X86_KERNELS
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the undefined pass-through operands of its own AVX-512 intrinsics for uninitialised variables.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#elif PYSAMPLER_SSE2_KERNELS
#include <emmintrin.h>
#elif PYSAMPLER_NEON_KERNELS
#include <arm_neon.h>
#endif
