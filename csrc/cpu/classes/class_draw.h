// Draws from a class table on the CPU.
#pragma once

#include <cstdint>

#include "core/class_table.h"
#include "core/positions.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// out[i] = the draw at positions[i]. A pure function of (table, streams, position): neither the threads nor the target can
// change a bit. `places` is the number of members, or of items if there are none. Needs a sound table.
void class_draw(const ClassTableView& table, uint64_t places, ClassStreams streams, const Positions& positions,
                int64_t* out, const Execution& execution = {});

}  // namespace pysampler
