// What each thread of the draw kernels does. The stream, the draw and the table are those of csrc/core.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/stream.h"
#include "cuda/grid.h"

namespace pysampler::cuda {

// Where positions begin, in memory that kernels can read: a captured graph goes on from where the last replay ended.
struct StreamState {
  int64_t seed;      // modulo 2^64
  int64_t epoch;     // modulo 2^48
  int64_t position;  // of the next draw, modulo 2^64
};

struct Origin {
  Stream stream;
  uint64_t position;
};

PYSAMPLER_HOST_DEVICE Origin origin_of(const StreamState& state) {
  const uint64_t epoch = static_cast<uint64_t>(state.epoch) & ((uint64_t{1} << kEpochBits) - 1);
  return {make_stream(static_cast<uint64_t>(state.seed), epoch), static_cast<uint64_t>(state.position)};
}

PYSAMPLER_HOST_DEVICE AliasEntry load_entry(const AliasEntry* entry) {
#if defined(__CUDA_ARCH__)
  const uint2 words = __ldg(reinterpret_cast<const uint2*>(entry));  // one 8-byte load past the coherent caches
  return {words.x, words.y};
#else
  return *entry;
#endif
}

// Stores that leave the caches to the table: nothing here reads the output again.
template <class Index>
PYSAMPLER_HOST_DEVICE void store_one(Index* to, Index value) {
#if defined(__CUDA_ARCH__)
  __stcs(to, value);
#else
  *to = value;
#endif
}

// Two neighbours at once, as the GPU's vector types are aligned: sanitizers see on the CPU what would be an error there.
template <class Index>
struct alignas(2 * sizeof(Index)) IndexPair {
  Index first, second;
};

template <class Index>
PYSAMPLER_HOST_DEVICE void store_two(Index* to, IndexPair<Index> pair) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(Index) == 8) {
    __stcs(reinterpret_cast<longlong2*>(to), make_longlong2(pair.first, pair.second));
  } else {
    __stcs(reinterpret_cast<int2*>(to), make_int2(pair.first, pair.second));
  }
#else
  auto* const both = reinterpret_cast<IndexPair<Index>*>(to);
  both->first = pair.first;
  both->second = pair.second;
#endif
}

// out[i] = the draw at position start + i * step, for i in [0, count). As the CPU's draw, for any grid.
template <class Index>
struct DrawBody {
  static constexpr uint32_t kThreads = 256;
  // Draws that one thread has on their way at a time: their table entries are requested before the first is used.
  static constexpr int kInFlight = 8;

  const AliasEntry* table;
  uint32_t items;
  Origin origin;
  const StreamState* state;  // read instead of `origin` unless null
  uint64_t step;
  uint64_t count;
  Index* out;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    const Origin from = state == nullptr ? origin : origin_of(*state);
    if (step != 1) {
      draw_strided(from, at);
    } else if ((reinterpret_cast<uintptr_t>(out) / sizeof(Index) + from.position) % 2 == 0) {
      draw_consecutive<2>(from, at);
    } else {
      draw_consecutive<1>(from, at);
    }
  }

 private:
  // A thread takes `kWidth` neighbouring Philox blocks at a time and uses both halves of each. Neighbouring threads then
  // write neighbouring runs of 8 draws: every 32-byte sector of the output is written whole, by one store instruction.
  template <int kWidth>
  PYSAMPLER_HOST_DEVICE void draw_consecutive(Origin from, ThreadAt at) const {
    constexpr int kUnits = kInFlight / (2 * kWidth);
    const uint64_t first_block = stream_block(from.position - from.position % 16);
    const uint64_t units = (from.position % 16 + count + 15) / 16 * (8 / kWidth);
    for (uint64_t unit = at.first(); unit < units; unit += kUnits * at.stride()) {
      SlotPoint points[kUnits][2][kWidth];
      AliasEntry entries[kUnits][2][kWidth];
      for (int u = 0; u < kUnits; ++u) {
        for (int w = 0; w < kWidth; ++w) {
          // Units beyond the last one draw too, in vain: their slots are slots of the table like any other.
          const PhiloxBlock words = stream_words(from.stream, first_block + (unit + u * at.stride()) * kWidth + w);
          points[u][0][w] = locate(words.low, items);
          points[u][1][w] = locate(words.high, items);
          entries[u][0][w] = load_entry(table + points[u][0][w].slot);
          entries[u][1][w] = load_entry(table + points[u][1][w].slot);
        }
      }
      for (int u = 0; u < kUnits; ++u) {
        const uint64_t position = low_half_position(first_block + (unit + u * at.stride()) * kWidth);
        store<kWidth>(position - from.position, entries[u][0], points[u][0]);
        store<kWidth>(position - from.position + kHalfDistance, entries[u][1], points[u][1]);
      }
    }
  }

  // Draws i ... i + kWidth - 1 of the output, those of them that belong to it. Before its start, i has wrapped around.
  template <int kWidth>
  PYSAMPLER_HOST_DEVICE void store(uint64_t i, const AliasEntry* entries, const SlotPoint* points) const {
    if (kWidth == 2 && i < count && count - i >= 2) {
      store_two(out + i, IndexPair<Index>{static_cast<Index>(resolve(entries[0], points[0])),
                                          static_cast<Index>(resolve(entries[kWidth - 1], points[kWidth - 1]))});
      return;
    }
    for (int w = 0; w < kWidth; ++w) {
      if (i + w < count) store_one(out + (i + w), static_cast<Index>(resolve(entries[w], points[w])));
    }
  }

  // A Philox block for each draw: positions further apart share none that one thread could know of.
  PYSAMPLER_HOST_DEVICE void draw_strided(Origin from, ThreadAt at) const {
    constexpr int kDraws = kInFlight / 2;
    for (uint64_t i = at.first(); i < count; i += kDraws * at.stride()) {
      SlotPoint points[kDraws];
      AliasEntry entries[kDraws];
      for (int d = 0; d < kDraws; ++d) {
        const uint64_t position = from.position + (i + d * at.stride()) * step;
        points[d] = locate(stream_word(from.stream, position), items);
        entries[d] = load_entry(table + points[d].slot);
      }
      for (int d = 0; d < kDraws; ++d) {
        const uint64_t to = i + d * at.stride();
        if (to < count) store_one(out + to, static_cast<Index>(resolve(entries[d], points[d])));
      }
    }
  }
};

// The grid of a DrawBody for `count` draws from anywhere: a device-side state is not known at launch, so one group of 16
// positions more than `count` fills. One thread for kInFlight draws, as long as the device holds that many.
PYSAMPLER_HOST_DEVICE Grid draw_grid(uint64_t count, uint32_t multiprocessors) {
  const uint64_t groups = count == 0 ? 0 : count / 16 + 2;
  return grid_for(groups * 16 / DrawBody<int64_t>::kInFlight, DrawBody<int64_t>::kThreads, multiprocessors);
}

// Moves the state on, in a launch of its own: within the draw's launch, other threads may still have to read it.
struct AdvanceBody {
  static constexpr uint32_t kThreads = 32;
  StreamState* state;
  uint64_t by;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    if (at.first() == 0) state->position = static_cast<int64_t>(static_cast<uint64_t>(state->position) + by);
  }
};

PYSAMPLER_HOST_DEVICE Grid advance_grid() { return {1, AdvanceBody::kThreads}; }

}  // namespace pysampler::cuda
