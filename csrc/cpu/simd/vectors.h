// Vectors for loops that the compiler does not vectorise by itself: arithmetic and comparisons work lane by lane. With GCC
// and Clang they are the compiler's own, and become whatever instructions the region around them may use; elsewhere, and
// with -DPYSAMPLER_COMPILER_VECTORS=0, arrays with the same operators. Functions that take or give vectors must be
// inlined: each instruction set has another way to pass them. vector_functions.inc has those that all kernels need.
#pragma once

#include <cstdint>

#if defined(PYSAMPLER_COMPILER_VECTORS)
#elif defined(__GNUC__) || defined(__clang__)
#define PYSAMPLER_COMPILER_VECTORS 1
#else
#define PYSAMPLER_COMPILER_VECTORS 0
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // all functions over these types are inlined
#endif

namespace pysampler {

constexpr int kVectorLanes = 8;

#if PYSAMPLER_COMPILER_VECTORS

typedef double Doubles __attribute__((vector_size(64)));
typedef int64_t Integers __attribute__((vector_size(64)));
typedef uint64_t Naturals __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(32)));

#else

// Comparisons give -1 for true, 0 for false.
template <class Number>
struct alignas(kVectorLanes * sizeof(Number)) Vector {
  Number lane[kVectorLanes];

  Number& operator[](uint64_t i) { return lane[i]; }
  const Number& operator[](uint64_t i) const { return lane[i]; }

  template <class Result, class Function>
  static Result of_lanes(Function function) {
    Result result;
    for (int i = 0; i < kVectorLanes; ++i) result.lane[i] = function(i);
    return result;
  }

#define PYSAMPLER_OPERATOR(symbol, Result, expression)                                       \
  friend Result operator symbol(const Vector& a, const Vector& b) {                          \
    return of_lanes<Result>([&](int i) {                                                     \
      const Number x = a.lane[i], y = b.lane[i];                                             \
      return expression;                                                                     \
    });                                                                                      \
  }                                                                                          \
  friend Result operator symbol(const Vector& a, Number y) {                                 \
    return of_lanes<Result>([&](int i) {                                                     \
      const Number x = a.lane[i];                                                            \
      return expression;                                                                     \
    });                                                                                      \
  }
#define PYSAMPLER_ARITHMETIC(symbol)                                         \
  PYSAMPLER_OPERATOR(symbol, Vector, static_cast<Number>(x symbol y))        \
  template <class Other>                                                     \
  Vector& operator symbol##=(const Other& other) {                           \
    return *this = *this symbol other;                                       \
  }
#define PYSAMPLER_COMPARISON(symbol) \
  PYSAMPLER_OPERATOR(symbol, Vector<int64_t>, -static_cast<int64_t>(x symbol y))

  PYSAMPLER_ARITHMETIC(+)
  PYSAMPLER_ARITHMETIC(-)
  PYSAMPLER_ARITHMETIC(*)
  PYSAMPLER_ARITHMETIC(/)
  PYSAMPLER_ARITHMETIC(&)
  PYSAMPLER_ARITHMETIC(|)
  PYSAMPLER_COMPARISON(<)
  PYSAMPLER_COMPARISON(<=)
  PYSAMPLER_COMPARISON(>)
  PYSAMPLER_COMPARISON(>=)
  PYSAMPLER_COMPARISON(==)
  PYSAMPLER_COMPARISON(!=)
#undef PYSAMPLER_COMPARISON
#undef PYSAMPLER_ARITHMETIC
#undef PYSAMPLER_OPERATOR

  friend Vector operator-(const Vector& a) {
    return of_lanes<Vector>([&](int i) { return -a.lane[i]; });
  }
};

using Doubles = Vector<double>;
using Integers = Vector<int64_t>;
using Naturals = Vector<uint64_t>;
using Floats = Vector<float>;

#endif

}  // namespace pysampler
