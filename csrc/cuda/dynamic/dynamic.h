// Tables whose weights change, on a GPU.
#pragma once

#include <cstdint>

#include "core/weights.h"
#include "cuda/dynamic/draw_body.h"
#include "cuda/dynamic/update_body.h"
#include "cuda/runtime.h"

namespace pysampler::cuda {

// For batches of so many: places, copies of weights, state.
uint64_t update_scratch_bytes(uint64_t count, WeightType type);

// Updates a packed table, all or nothing, and says in *outcome what became of it. job.places, copies and state are set
// from `scratch`, which begins at a multiple of 16. Queues on place's stream and waits for it, once.
Status update(UpdateJob job, WeightType type, void* scratch, Place place, UpdateState* outcome);

// Queue draws, and then state->position += count * step if there is a state. Wait for nothing.
Status draw(const DrawPacked<int64_t>& body, StreamState* state, Place place);
Status draw(const DrawPacked<int32_t>& body, StreamState* state, Place place);

// Queues masses[i] = the mass of weights[i] under the table's scale. Waits for nothing.
Status masses(const uint64_t* words, const void* weights, WeightType type, uint64_t count, uint64_t* masses,
              Place place);

// See load_kernels (kernels.h).
Status load_dynamic_kernels();

}  // namespace pysampler::cuda
