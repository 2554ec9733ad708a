// The draw kernels of each instruction set.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/positions.h"
#include "core/stream.h"
#include "cpu/simd/target.h"

namespace pysampler {

struct DrawHints {
  bool prefetch;       // the table is larger than the caches near the core
  bool stream_stores;  // the output is too large to stay in a cache
};

struct DrawKernels {
  // out[i] = the draw at positions[i]. One thread.
  void (*draw_range)(const AliasTableView& table, Stream stream, Positions positions, int64_t* out, DrawHints hints);
  // points[i] = slot << 32 | fraction of position start + i, for i in [0, 64 * blocks). `start`: a multiple of 16.
  void (*point_range)(uint64_t items, Stream stream, uint64_t start, uint64_t blocks, uint64_t* points);
  // items[i] = the item that points[i] leads to, for i in [0, count). `items` may start where `points` starts.
  void (*resolve_range)(const AliasEntry* table, const uint64_t* points, uint64_t count, uint32_t* items);
};

const DrawKernels& draw_kernels(Target target);

}  // namespace pysampler
