// Mixtures for tests, and what stands at their positions by counting every one from the beginning.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/mixture.h"
#include "cpu/mixture/mixture_cursor.h"
#include "cpu/mixture/mixture_plan.h"
#include "random.h"

namespace pysampler {

__extension__ typedef unsigned __int128 Uint128;
constexpr Uint128 kTotalMass = static_cast<Uint128>(1) << 64;

inline bool operator==(const MixturePlace& a, const MixturePlace& b) {
  return a.source == b.source && a.occurrence == b.occurrence;
}

struct ReferenceStage {
  uint64_t first_window;
  std::vector<Uint128> masses;  // sum to 2^64
};

// Boundaries rounded half up; what would become 0 gets 1 of the largest.
inline std::vector<Uint128> masses_of(const std::vector<Uint128>& shares) {
  Uint128 total = 0, before = 0, begin = 0;
  for (const Uint128 share : shares) total += share;  // below 2^62
  std::vector<Uint128> masses;
  for (const Uint128 share : shares) {
    before += share;
    const Uint128 end = ((before << 64) + total / 2) / total;  // as half up, but for ties of odd totals
    masses.push_back(end - begin);
    begin = end;
  }
  for (uint64_t i = 0; i < shares.size(); ++i) {
    if (shares[i] == 0 || masses[i] != 0) continue;
    uint64_t largest = 0;
    for (uint64_t j = 0; j < masses.size(); ++j) largest = masses[j] > masses[largest] ? j : largest;
    --masses[largest];
    masses[i] = 1;
  }
  return masses;
}

inline Intervals intervals_of(std::vector<uint32_t> sources, const std::vector<Uint128>& masses, uint64_t points) {
  Intervals made = {std::move(sources), {{0, 0}}};
  Uint128 before = 0;
  for (const Uint128 mass : masses) {
    before += mass;
    // before * points, which may be 2^64 * points, as whole * 2^64 + rest
    const auto low = static_cast<uint64_t>(before), high = static_cast<uint64_t>(before >> 64);
    made.begins.push_back({multiply_high(low, points) + high * points, low * points});
  }
  return made;
}

struct Grouping {
  std::vector<uint32_t> small, outer;
  std::vector<Uint128> inner_masses, outer_masses;
  int inner_bits = 0;
};

inline Grouping grouping_of(const std::vector<Uint128>& masses, uint64_t window) {
  Grouping made;
  for (uint32_t s = 0; s < masses.size(); ++s) {
    if (masses[s] > 0 && masses[s] < (kTotalMass + window - 1) / window) made.small.push_back(s);
  }
  if (made.small.size() < 2) made.small.clear();
  Uint128 group = 0;
  std::vector<Uint128> small_masses;
  uint64_t next = 0;
  for (uint32_t s = 0; s < masses.size(); ++s) {
    if (next < made.small.size() && made.small[next] == s) {
      ++next;
      group += masses[s];
      small_masses.push_back(masses[s] >> 3);  // so that no sum overflows: the reference has its own inner masses
    } else if (masses[s] > 0) {
      made.outer.push_back(s);
      made.outer_masses.push_back(masses[s]);
    }
  }
  if (made.small.empty()) return made;
  made.outer.push_back(kGroup);
  made.outer_masses.push_back(group);
  made.inner_masses = masses_of(small_masses);
  Uint128 least = kTotalMass;
  for (const Uint128 mass : made.inner_masses) least = mass < least ? mass : least;
  while (made.inner_bits < kMaxInnerBits && (least << made.inner_bits) < kTotalMass) ++made.inner_bits;
  return made;
}

inline std::shared_ptr<const MixturePlan> plan_of(uint64_t window, const std::vector<uint64_t>& sizes,
                                                  const std::vector<ReferenceStage>& stages) {
  auto sources = std::make_shared<std::vector<MixtureSource>>();
  uint64_t first = 0;
  for (const uint64_t size : sizes) {
    sources->push_back({size, first, SourceKind::kPlain, {}, {}});
    first += size;
  }
  auto plan = std::make_shared<MixturePlan>();
  plan->window = window;
  plan->sources = sources;
  for (const ReferenceStage& stage : stages) {
    const Grouping parts = grouping_of(stage.masses, window);
    Intervals inner;
    if (!parts.small.empty()) inner = intervals_of(parts.small, parts.inner_masses, uint64_t{1} << parts.inner_bits);
    plan->stages.push_back(std::make_shared<const MixtureStage>(
        mixture_stage(stage.first_window, intervals_of(parts.outer, parts.outer_masses, window), inner, parts.inner_bits,
                      sizes.size())));
  }
  return plan;
}

// Whose each point of a window is, by comparing it with every boundary.
inline std::vector<uint32_t> owners_of(const std::vector<uint32_t>& sources, const std::vector<Uint128>& masses,
                                       uint64_t points, uint64_t offset) {
  std::vector<uint32_t> owners;
  for (uint64_t j = 0; j < points; ++j) {
    const Uint128 place = (static_cast<Uint128>(j) << 64) + offset;  // of 2^64 * points
    Uint128 end = 0;
    uint64_t i = 0;
    for (;; ++i) {
      end += masses[i];
      // place < end * points, of which the last end, 2^64, times points fits in 128 bits
      if (place < end * points) break;
    }
    owners.push_back(sources[i]);
  }
  return owners;
}

// places[p] = what stands at position p, for `windows` windows.
inline std::vector<MixturePlace> places_by_counting(uint64_t window, uint64_t sources,
                                                    const std::vector<ReferenceStage>& stages, uint64_t seed,
                                                    uint64_t windows) {
  std::vector<MixturePlace> places;
  std::vector<uint64_t> seen(sources);
  for (uint64_t number = 0; number < stages.size(); ++number) {
    const ReferenceStage& stage = stages[number];
    const uint64_t end = number + 1 < stages.size() ? stages[number + 1].first_window : windows;
    const Grouping parts = grouping_of(stage.masses, window);
    std::vector<uint32_t> group;  // whose its positions are, as far as asked
    uint64_t taken = 0, inner_windows = 0;
    for (uint64_t e = stage.first_window; e < end && e < windows; ++e) {
      const uint64_t offset = mixture_offset(seed) + e * kMixtureStep;
      std::vector<MixturePlace> by_point;
      for (uint32_t source : owners_of(parts.outer, parts.outer_masses, window, offset)) {
        if (source == kGroup) {
          if (taken == group.size()) {
            const uint64_t points = uint64_t{1} << parts.inner_bits;
            const uint64_t inner_offset = group_offset(seed, number) + inner_windows * kMixtureStep;
            const auto owners = owners_of(parts.small, parts.inner_masses, points, inner_offset);
            const Stream stream = make_stream(seed, number, Tag::kMixtureInnerOrder);
            const Permutation order = make_permutation(stream, inner_windows++, points);
            for (uint64_t i = 0; i < points; ++i) group.push_back(owners[permute(order, i)]);
          }
          source = group[taken++];
        }
        by_point.push_back({source, seen[source]++});
      }
      const Permutation order = make_permutation(make_stream(seed, 0, Tag::kMixtureOrder), e, window);
      for (uint64_t i = 0; i < window; ++i) places.push_back(by_point[permute(order, i)]);
    }
  }
  return places;
}

inline uint64_t item_of(const MixturePlan& plan, uint64_t seed, const MixturePlace& place) {
  const MixtureSource& source = (*plan.sources)[place.source];
  const Stream stream = make_stream(seed, place.source, Tag::kMixtureItem);
  const Permutation pass = make_permutation(stream, place.occurrence / source.items, source.items);
  return source.first_item + permute(pass, place.occurrence % source.items);
}

struct ReferenceMixture {
  uint64_t window;
  std::vector<uint64_t> sizes;
  std::vector<ReferenceStage> stages;
};

// Sources with shares of all magnitudes, some 0, and up to three stages.
// `bits`: shares differ by so many bits.
inline ReferenceMixture random_mixture(Random& random, uint64_t bits = 12) {
  const uint64_t windows[] = {1, 2, 7, 16, 65, 100};
  ReferenceMixture made = {windows[random.below(6)], {}, {}};
  const uint64_t sources = 1 + random.below(12);
  for (uint64_t s = 0; s < sources; ++s) made.sizes.push_back(1 + random.below(200));
  uint64_t first = 0;
  for (uint64_t stage = 0; stage <= random.below(3); ++stage) {
    std::vector<Uint128> shares;
    for (uint64_t s = 0; s < sources; ++s) shares.push_back(random.below(4) == 0 ? 0 : random.bits() >> (8 + random.below(bits)));
    shares[random.below(sources)] = uint64_t{1} << (56 - bits);
    made.stages.push_back({first, masses_of(shares)});
    first += 1 + random.below(9);
  }
  return made;
}

}  // namespace pysampler
