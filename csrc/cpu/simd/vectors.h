// Vectors in the compiler's own notation (GCC and Clang): arithmetic, comparisons and ?: work lane by lane, and become
// whatever instructions the region around them may use. For loops that the compiler does not vectorise by itself. Functions
// that take or give vectors must be inlined: each instruction set has another way to pass them.
#pragma once

#include <cstdint>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // all functions over these types are inlined
#endif

namespace pysampler {

typedef double Doubles __attribute__((vector_size(64)));
typedef int64_t Integers __attribute__((vector_size(64)));
typedef uint64_t Naturals __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(32)));

constexpr int kVectorLanes = 8;

}  // namespace pysampler
