// Keyed orders of the same elements, one after another: position p is place p % elements of order p / elements.
#pragma once

#include <cstdint>

#include "core/positions.h"
#include "core/stream.h"
#include "cpu/simd/target.h"

namespace pysampler {

void successive_orders(Stream stream, uint64_t elements, Positions positions, int64_t* out, Target target);

}  // namespace pysampler
