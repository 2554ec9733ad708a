// Weighted draws with replacement on a GPU.
#pragma once

#include <cstdint>

#include "cuda/draw_body.h"
#include "cuda/runtime.h"

namespace pysampler::cuda {

// Queues a draw: out[i] = the draw at position start + i * step. All pointers are the device's. Waits for nothing.
Status draw(const DrawBody<int64_t>& body, Place place);
Status draw(const DrawBody<int32_t>& body, Place place);

// Queues state->position += by.
Status advance(const AdvanceBody& body, Place place);

// Makes `device` the calling thread's current one and loads these kernels on it. Allowed during a graph's capture, which
// their first launch would not be without.
Status load_draw_kernels(int device);

}  // namespace pysampler::cuda
