// The draw kernels of each instruction set.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/positions.h"
#include "core/stream.h"
#include "cpu/draw/look_up.h"
#include "cpu/simd/target.h"

namespace pysampler {

struct DrawHints {
  LookUp look_up;
  bool stream_stores;  // the output is too large to stay in a cache
};

struct DrawKernels {
  // out[i] = the draw at positions[i]. One thread. As int32, of tables of at most 2^31 items.
  void (*draw_int64)(const AliasTableView& table, Stream stream, Positions positions, int64_t* out, DrawHints hints);
  void (*draw_int32)(const AliasTableView& table, Stream stream, Positions positions, int32_t* out, DrawHints hints);
  // For i in [0, 64 * blocks): the point of position start + i (slot << 32 | fraction) is written to where next[slot >>
  // shift] points, which moves on by one, and bucket_of[i] = slot >> shift. `start`: a multiple of 16.
  void (*append_points)(uint64_t items, Stream stream, uint64_t start, uint64_t blocks, uint64_t shift, uint64_t** next,
                        uint16_t* bucket_of);
  // items[i] = the item that points[i] leads to, for i in [0, count). `items` may start where `points` starts.
  void (*resolve_range)(const AliasEntry* table, const uint64_t* points, uint64_t count, uint32_t* items);
  // out[i] = what next[bucket_of[i]] points to, which moves on by one, for i in [0, 64 * blocks). Past the caches, so `out`
  // should begin a cache line.
  void (*read_back_int64)(const uint32_t** next, const uint16_t* bucket_of, uint64_t blocks, int64_t* out);
  void (*read_back_int32)(const uint32_t** next, const uint16_t* bucket_of, uint64_t blocks, int32_t* out);

  // Either, by the type of `out`.
  void draw_range(const AliasTableView& table, Stream stream, Positions positions, int64_t* out, DrawHints hints) const {
    draw_int64(table, stream, positions, out, hints);
  }
  void draw_range(const AliasTableView& table, Stream stream, Positions positions, int32_t* out, DrawHints hints) const {
    draw_int32(table, stream, positions, out, hints);
  }
  void read_back(const uint32_t** next, const uint16_t* bucket_of, uint64_t blocks, int64_t* out) const {
    read_back_int64(next, bucket_of, blocks, out);
  }
  void read_back(const uint32_t** next, const uint16_t* bucket_of, uint64_t blocks, int32_t* out) const {
    read_back_int32(next, bucket_of, blocks, out);
  }
};

const DrawKernels& draw_kernels(Target target);

}  // namespace pysampler
