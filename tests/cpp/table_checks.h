// Building tables in tests, and judging them from what they hold.
#pragma once

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "core/alias_build.h"
#include "cpu/table/build.h"
#include "cpu/table/table_scan.h"

namespace pysampler {

template <class Weight>
WeightView view_of(const std::vector<Weight>& weights) {
  return {weights.data(), weights.size(), sizeof(Weight) == 4 ? WeightType::kFloat32 : WeightType::kFloat64};
}

template <class Weight>
std::vector<AliasEntry> table_of(const std::vector<Weight>& weights, Target target = Target::kPortable,
                                 int threads = 1) {
  std::vector<AliasEntry> table(weights.size(), {0xDEADBEEFu, 0xFFFFFFFFu});  // a slot left out would show
  build(view_of(weights), table.data(), {threads, {}, target});
  return table;
}

inline bool same_table(const std::vector<AliasEntry>& a, const std::vector<AliasEntry>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(AliasEntry)) == 0;
}

// Every promise about masses: nothing to a zero weight, something to a positive one, and close to the ideal. (That they
// add up to items * 2^32 is true of any table whose aliases lie inside: each slot hands out 2^32.) The ideal is
// computed in long double, whose 64 bits of mantissa make it exact enough. Empty if all is well.
inline std::string flaw_of_table(const std::vector<double>& weights, const std::vector<AliasEntry>& table) {
  const uint64_t items = weights.size();
  if (!aliases_in_range({table.data(), items})) return "an alias lies outside";
  std::vector<uint64_t> masses(items);
  table_masses({table.data(), items}, masses.data());
  long double sum = 0;
  for (const double weight : weights) sum += weight;
  for (uint64_t i = 0; i < items; ++i) {
    const std::string place = " (item " + std::to_string(i) + ", mass " + std::to_string(masses[i]) + ")";
    if ((weights[i] > 0) != (masses[i] > 0)) return "zero where it should not be, or not zero" + place;
    const long double ideal = weights[i] / sum * static_cast<long double>(items * kSlotMass);
    const long double deviation = std::fabs(static_cast<long double>(masses[i]) - ideal);
    if (!(deviation <= 4 + ideal * 0x1p-31L)) return "far from the ideal " + std::to_string(ideal) + place;
    if (ideal > 0 && ideal < kSmallMass && deviation > 1 + 1e-9L) return "small, and not rounded down" + place;
  }
  return "";
}

template <class Weight>
void check_sound(const std::string& name, const std::vector<Weight>& weights, const std::vector<AliasEntry>& table) {
  const std::string flaw = flaw_of_table({weights.begin(), weights.end()}, table);
  if (!flaw.empty()) std::fprintf(stderr, "%s, %zu items: %s\n", name.c_str(), weights.size(), flaw.c_str());
  CHECK(flaw.empty());
}

}  // namespace pysampler
