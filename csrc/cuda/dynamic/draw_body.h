// Draws from a packed table (core/packed_table.h) on a GPU: those of the table on the CPU.
#pragma once

#include <cstdint>

#include "core/packed_table.h"
#include "cuda/draw_body.h"
#include "cuda/grid.h"

namespace pysampler::cuda {

// out[i] = the draw at position start + i * step, or kNothingToDraw, also if this is no packed table. Total and scale are the table's when the kernel runs,
// so that a captured graph draws by the weights of its replay.
template <class Index>
struct DrawPacked {
  static constexpr uint32_t kThreads = 256;

  const uint64_t* words;
  uint64_t held;  // words there are
  Origin origin;
  const StreamState* state;  // read instead of `origin` unless null
  uint64_t step, strata, count;
  Index* out;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    if (at.first() >= count) return;
    const Origin from = state == nullptr ? origin : origin_of(*state);
    const PackedDraws draws = packed_draws(words, held, from.stream, strata);
    for (uint64_t i = at.first(); i < count; i += at.stride()) {
      store_one(out + i, static_cast<Index>(draws.at(from.position + i * step)));
    }
  }
};

// masses[i] = the mass of a weight under the table's scale.
template <class Weight>
struct MassesUnderScale {
  static constexpr uint32_t kThreads = 256;

  const uint64_t* words;
  const Weight* weights;
  uint64_t count;
  uint64_t* masses;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    const auto scale = static_cast<int>(reinterpret_cast<const PackedHeader*>(words)->scale);
    for (uint64_t i = at.first(); i < count; i += at.stride()) {
      masses[i] = mass_of(static_cast<double>(weights[i]), scale);
    }
  }
};

}  // namespace pysampler::cuda
