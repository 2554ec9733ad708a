// Weights of the kinds that people have, and of the kinds that break samplers. No libm: the same bits everywhere.
#pragma once

#include <cfloat>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "random.h"

struct WeightFamily {
  std::string name;
  std::function<double(uint64_t item, uint64_t items, Random& random)> weight;
  bool is_float32 = true;  // float32 numbers can express it

  std::vector<double> weights(uint64_t items) const {
    Random random(items);
    std::vector<double> result(items);
    for (uint64_t i = 0; i < items; ++i) result[i] = weight(i, items, random);
    return result;
  }
};

inline double small_power_of_two(uint64_t exponent, double base) {
  double result = 1;
  for (; exponent != 0; --exponent) result *= base;
  return result;
}

inline const std::vector<WeightFamily>& weight_families() {
  static const std::vector<WeightFamily> families = {
      {"constant", [](uint64_t, uint64_t, Random&) { return 1.0; }},
      {"constant tenth", [](uint64_t, uint64_t, Random&) { return 0.1; }},
      {"uniform", [](uint64_t, uint64_t, Random& random) { return random.uniform() + 1e-3; }},
      {"ascending", [](uint64_t i, uint64_t, Random&) { return i + 1.0; }},
      {"descending", [](uint64_t i, uint64_t n, Random&) { return static_cast<double>(n - i); }},
      {"class-sorted",
       [](uint64_t i, uint64_t n, Random&) {
         if (i < n / 10 * 9) return 1.0;
         return i < n / 100 * 99 ? 10.0 : 1000.0;
       }},
      {"two classes by turns", [](uint64_t i, uint64_t, Random&) { return i % 2 == 0 ? 3.0 : 5.0; }},
      {"power law", [](uint64_t i, uint64_t, Random&) { return 1.0 / (i + 1.0) / (i + 1.0); }},
      {"first outweighs all", [](uint64_t i, uint64_t, Random&) { return i == 0 ? 1e9 : 1.0; }},
      {"last outweighs all", [](uint64_t i, uint64_t n, Random&) { return i + 1 == n ? 1e30 : 1e-3; }},
      {"a few outweigh all", [](uint64_t i, uint64_t, Random&) { return i % 1000 == 7 ? 1e12 : 1.0; }},
      {"1e-30 to 1e30",
       [](uint64_t, uint64_t, Random& random) { return 1e-30 * small_power_of_two(random.below(200), 2); }},
      {"all but one zero", [](uint64_t i, uint64_t n, Random&) { return i == n / 2 ? 5.0 : 0.0; }},
      {"one zero among equals", [](uint64_t i, uint64_t n, Random&) { return i == n / 2 && n > 1 ? 0.0 : 2.0; }},
      {"half zero", [](uint64_t i, uint64_t n, Random&) { return i < n / 2 ? 0.0 : i + 1.0; }},
      {"mostly zero", [](uint64_t i, uint64_t, Random&) { return i % 97 == 0 ? 1.0 + i : 0.0; }},
      {"masses below one", [](uint64_t i, uint64_t n, Random&) { return i < n / 2 ? 1e-12 : 1.0; }},
      {"masses around the small limit",
       [](uint64_t i, uint64_t, Random&) { return i % 3 == 0 ? 1.0 : 0x1p-26 * (1.0 + i % 7 * 0x1p-30); }},
      {"small powers of two",
       [](uint64_t, uint64_t, Random& random) { return small_power_of_two(random.below(60), 0.5); }},
      {"float32 denormals", [](uint64_t i, uint64_t, Random&) { return (1 + i % 5) * 0x1p-149; }},
      {"float32 maximum", [](uint64_t i, uint64_t, Random&) { return i % 2 == 0 ? FLT_MAX : 0x1p100; }},
      {"near 1e308", [](uint64_t i, uint64_t, Random&) { return i % 3 == 0 ? DBL_MAX : 1e308; }, false},
      {"1e308 and ones", [](uint64_t i, uint64_t, Random&) { return i % 3 == 0 ? 1e308 : 1.0; }, false},
      {"maximum and denormals", [](uint64_t i, uint64_t, Random&) { return i % 3 == 1 ? DBL_TRUE_MIN : DBL_MAX; },
       false},
      {"denormals", [](uint64_t i, uint64_t, Random&) { return (1 + i % 11) * DBL_TRUE_MIN; }, false},
      {"one denormal", [](uint64_t i, uint64_t n, Random&) { return i == n / 3 ? DBL_TRUE_MIN : 0.0; }, false},
      {"denormals and ones", [](uint64_t i, uint64_t, Random&) { return i % 4 == 0 ? 1.0 : DBL_TRUE_MIN; }, false},
      {"at the prescale limits", [](uint64_t i, uint64_t, Random&) { return i % 2 == 0 ? 0x1p450 : 0x1p-450; }, false},
      {"above the upper prescale limit", [](uint64_t i, uint64_t, Random&) { return i % 2 == 0 ? 0x1.8p450 : 0x1p440; },
       false},
      {"below the lower prescale limit", [](uint64_t i, uint64_t, Random&) { return i % 2 == 0 ? 0x1p-451 : 0x1p-480; },
       false},
  };
  return families;
}
