// What a mixture is made of: sources, a window, and stages of shares. Immutable; the key is not part of it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/class_table.h"
#include "core/mixture.h"

namespace pysampler {

enum class SourceKind : uint8_t { kPlain, kTable, kClasses };

struct MixtureSource {
  uint64_t items;
  uint64_t first_item;  // its index 0 among those of all sources
  SourceKind kind;
  AliasTableView table;       // kTable
  ClassTableView classes;     // kClasses
};

// Intervals of mass, those of a source each. `begins` has one more.
struct Intervals {
  std::vector<uint32_t> sources;
  std::vector<MassBoundary> begins;
  uint64_t size() const { return sources.size(); }
};

constexpr uint32_t kGroup = 0xFFFFFFFFu;  // in the place of a source: the group of those with less than a point a window

// From window `first_window` on, until the next stage.
struct MixtureStage {
  static constexpr uint32_t kNowhere = 0xFFFFFFFFu;  // a share of 0
  static constexpr uint32_t kInGroup = 0x80000000u;

  uint64_t first_window;
  Intervals outer, inner;
  int inner_bits;                  // the group's windows hold 2^inner_bits points
  uint64_t group;                  // the outer interval of the group
  uint64_t inner_run;              // of a point of the group, how many its source has in a window, in the mean
  std::vector<uint32_t> interval;  // of each source: of the outer ones, or kInGroup + of the inner ones, or kNowhere
};

// Every source that has an interval is put down in `interval`, and the group in `group`.
MixtureStage mixture_stage(uint64_t first_window, Intervals outer, Intervals inner, int inner_bits, uint64_t sources);

struct MixturePlan {
  uint64_t window;
  std::shared_ptr<const std::vector<MixtureSource>> sources;
  std::vector<std::shared_ptr<const MixtureStage>> stages;  // the first begins at window 0

  uint64_t stage_of(uint64_t window_number) const;
};

}  // namespace pysampler
