// Draws from a class table on the CPU.
#pragma once

#include <cstdint>

#include "core/class_table.h"
#include "cpu/runtime/parallel.h"
#include "cpu/simd/target.h"

namespace pysampler {

// out[i] = the draw at position start + i * step, for i in [0, count). A pure function of (table, streams, position):
// neither the threads nor the target can change a bit. `places` is the number of members, or of items if there are none.
// Needs start + (count - 1) * step < 2^63 and a sound table.
void class_draw(const ClassTableView& table, uint64_t places, ClassStreams streams, uint64_t start, uint64_t step,
                uint64_t count, int64_t* out, Target target, const Execution& execution);

}  // namespace pysampler
