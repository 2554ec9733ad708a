// The kernels of class draws of each instruction set.
#pragma once

#include <cstdint>

#include "core/class_table.h"
#include "core/positions.h"
#include "cpu/simd/target.h"

namespace pysampler {

struct ClassDrawHints {
  bool prefetch_classes;  // the class table is larger than the caches near the core
  bool prefetch_members;  // the members are
  bool stream_stores;     // the output is too large to stay in a cache
};

struct ClassDrawKernels {
  // out[i] = the draw at positions[i]. One thread.
  void (*draw_range)(const ClassTableView& table, ClassStreams streams, Positions positions, int64_t* out,
                     ClassDrawHints hints);
};

const ClassDrawKernels& class_draw_kernels(Target target);

}  // namespace pysampler
