// Weighted draws with replacement on a GPU.
#pragma once

#include <cstdint>

#include "cuda/draw_body.h"
#include "cuda/runtime.h"

namespace pysampler::cuda {

// Queues a draw: out[i] = the draw at position start + i * step. All pointers are the device's. Waits for nothing.
Status draw(const DrawBody<int64_t>& body, Place place);
Status draw(const DrawBody<int32_t>& body, Place place);

// Queues a draw from body.state, which is `state`, and then state->position += count * step: if small, in one launch.
Status draw_and_advance(const DrawBody<int64_t>& body, StreamState* state, Place place);
Status draw_and_advance(const DrawBody<int32_t>& body, StreamState* state, Place place);

// See load_kernels (kernels.h).
Status load_draw_kernels();

}  // namespace pysampler::cuda
