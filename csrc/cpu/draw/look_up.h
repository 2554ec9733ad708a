// Ways of reading the entries that draws point at, and which of them is the quickest here.
#pragma once

#include <cstdint>
#include <functional>

#include "cpu/simd/target.h"

namespace pysampler {

// None changes a bit. Which is quickest depends on the table's size, on the caches and on how the processor gathers.
enum class LookUp : uint8_t {
  kLoads,       // one by one
  kGathers,     // by the gather instruction, where there is one
  kPrefetched,  // one by one, brought near some blocks before
};

// The way to read a table of so many items: the one that PYSAMPLER_CPU_LOOKUP names (loads, gathers, prefetched); else the
// one that was the quickest for tables of this size (measure_look_ups); before that a guess. Throws std::runtime_error if
// the variable names no way.
LookUp look_up_for(uint64_t items, Target target);

// A call of at least so many draws measures, once for each size of table (within a factor of two) and process.
constexpr uint64_t kWorthMeasuring = uint64_t{1} << 18;

// Makes the first draws of a large call each way in turn, and remembers which was the quickest. draw(way, first, n) makes
// the draws [first, first + n). Returns how many are made: a multiple of 64, 0 if there is nothing to find out.
uint64_t measure_look_ups(uint64_t items, Target target,
                          const std::function<void(LookUp way, uint64_t first, uint64_t n)>& draw);

}  // namespace pysampler
