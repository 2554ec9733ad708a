// Which way the draws of a row are made.
//
// With replacement all ways have the same law, that of an alias table's integer masses, but not the same draws. So the
// choice is part of what users see: a fixed function of (columns, draws), never of rows, threads, instruction set, dtype
// or device. Changing it changes draws, and is named in CHANGELOG.md.
//
// Measured on one thread of an AMD EPYC (Zen 4), float32, random weights; benchmarks/groups/rows.py repeats it.
#pragma once

#include <cstdint>

namespace pysampler {

enum class Way {
  kNarrowRows,          // narrow_rows.h
  kFewDraws,            // few_draws.h
  kTable,               // an alias table, used once
  kWithoutReplacement,  // without_replacement.h
};

// Up to here several rows are worked on at once, each in a lane of its own.
constexpr uint64_t kNarrowColumns = 64;

// A draw costs the narrow way some 0.1 ns a column, the table 1.5 ns; building the table 12 ns a column.
constexpr uint64_t kNarrowDraws = 128;

// Whether searching prefix masses costs less than a table: making the masses of each block that is drawn from, against
// packing all of them.
constexpr bool few_draws_pay(uint64_t columns, uint64_t draws) { return draws <= columns / 4 || draws <= 64; }

constexpr Way way_of(uint64_t columns, uint64_t draws, bool replacement) {
  if (!replacement && draws > 1) return Way::kWithoutReplacement;  // one draw leaves nothing to put back
  if (columns <= kNarrowColumns && draws <= kNarrowDraws) return Way::kNarrowRows;
  return few_draws_pay(columns, draws) ? Way::kFewDraws : Way::kTable;
}

}  // namespace pysampler
