// What each thread of the draw kernels does. The stream, the draw and the table are those of csrc/core.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/stream.h"
#include "cuda/grid.h"
#include "cuda/team.h"

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

// table[slot], as one 8-byte load past the coherent caches.
PYSAMPLER_HOST_DEVICE AliasEntry load_entry(const AliasEntry* table, uint32_t slot) {
#if defined(__CUDA_ARCH__)
  uint64_t address;  // in one instruction, where an index would take two
  asm("mad.wide.u32 %0, %1, %2, %3;" : "=l"(address) : "r"(slot), "n"(sizeof(AliasEntry)), "l"(table));
  const uint2 words = __ldg(reinterpret_cast<const uint2*>(address));
  return {words.x, words.y};
#else
  return table[slot];
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

// out[i] = the draw at position start + i * step, for i in [0, count). As the CPU's draw, for any grid. Positions
// are numbers modulo 2^64.
template <class Index>
struct DrawBody {
  static constexpr uint32_t kThreads = 256;
  // Draws that one thread has on their way at a time: their table entries are requested before the first is used.
  static constexpr int kInFlight = 8;
  // What a block of threads draws at a time: so many neighbouring positions.
  static constexpr uint32_t kTile = kThreads * kInFlight;

  const AliasEntry* table;
  uint32_t items;
  Origin origin;
  const StreamState* state;  // read instead of `origin` unless null
  uint64_t step;
  uint64_t count;
  Index* out;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    draw_from(state == nullptr ? origin : origin_of(*state), at);
  }

  PYSAMPLER_HOST_DEVICE void draw_from(Origin from, ThreadAt at) const {
    if (step != 1) {
      draw_strided(from, at);
    } else if ((reinterpret_cast<uintptr_t>(out) / sizeof(Index) + from.position) % 2 == 0) {
      draw_consecutive<2>(from, at);
    } else {
      draw_consecutive<1>(from, at);
    }
  }

 private:
  static constexpr uint32_t kTileBlocks = kTile / 2;

  // Tiles begin at multiples of 16 positions. All of them but the first and the last lie in the output as a whole, and
  // nothing has to be asked of their draws. So it is with tiles where the high half of the block's number changes.
  template <int kWidth>
  PYSAMPLER_HOST_DEVICE void draw_consecutive(Origin from, ThreadAt at) const {
    const uint64_t before = from.position % 16;  // positions of the first tile that are not drawn
    const uint64_t first_block = stream_block(from.position - before);
    const uint64_t tiles = (before + count + (kTile - 1)) / kTile;
    for (uint64_t tile = at.block; tile < tiles; tile += at.grid.blocks) {
      const uint64_t block = (first_block + tile * kTileBlocks) % kStreamBlocks;
      const uint64_t start = tile * kTile - before;  // in the output; wraps around in the first tile
      const bool is_whole = start < count && count - start >= kTile;
      if (is_whole && static_cast<uint32_t>(block) <= UINT32_MAX - kTileBlocks) {
        draw_tile<kWidth, true>(from.stream, block, start, at.thread);
      } else {
        draw_tile<kWidth, false>(from.stream, block, start, at.thread);
      }
    }
  }

  // A thread takes `kWidth` neighbouring Philox blocks at a time and uses both halves of each. Neighbouring threads then
  // write neighbouring runs of 8 draws: every 32-byte sector of the output is written whole, by one store instruction.
  template <int kWidth, bool kWhole>
  PYSAMPLER_HOST_DEVICE void draw_tile(Stream stream, uint64_t block, uint64_t start, uint32_t thread) const {
    constexpr int kUnits = kInFlight / (2 * kWidth);
    constexpr uint32_t kApart = kThreads * kWidth;  // blocks between the units of a thread
    SlotPoint points[kUnits][2][kWidth];
    AliasEntry entries[kUnits][2][kWidth];
    for (int u = 0; u < kUnits; ++u) {
      for (int w = 0; w < kWidth; ++w) {
        const PhiloxBlock words = stream_words(stream, nth_block<kWhole>(block, u * kApart + thread * kWidth + w));
        points[u][0][w] = locate(words.low, items);
        points[u][1][w] = locate(words.high, items);
        // Draws beyond the output are made too, in vain: their slots are slots of the table like any other.
        entries[u][0][w] = load_entry(table, points[u][0][w].slot);
        entries[u][1][w] = load_entry(table, points[u][1][w].slot);
      }
    }
    const uint64_t own = start + low_half_position(thread * kWidth);
    for (int u = 0; u < kUnits; ++u) {
      for (int half = 0; half < 2; ++half) {
        store<kWidth, kWhole>(own, u * 2 * kApart + half * kHalfDistance, entries[u][half], points[u][half]);
      }
    }
  }

  // In whole tiles the high 32 bits are the same for all, so that the GPU computes what depends on them once for a warp.
  template <bool kWhole>
  static PYSAMPLER_HOST_DEVICE uint64_t nth_block(uint64_t first, uint32_t n) {
    if (!kWhole) return (first + n) % kStreamBlocks;
    return first >> 32 << 32 | (static_cast<uint32_t>(first) + n);
  }

  // Draws own + further ... own + further + kWidth - 1 of the output, those of them that belong to it.
  template <int kWidth, bool kWhole>
  PYSAMPLER_HOST_DEVICE void store(uint64_t own, uint32_t further, const AliasEntry* entries,
                                   const SlotPoint* points) const {
    const uint64_t i = own + further;  // before the output's start it has wrapped around
    Index* const to = out + own + further;
    const auto first = static_cast<Index>(resolve(entries[0], points[0]));
    if constexpr (kWidth == 2) {
      const auto second = static_cast<Index>(resolve(entries[1], points[1]));
      if (kWhole || (i < count && count - i >= 2)) {
        store_two(to, IndexPair<Index>{first, second});
        return;
      }
      if (i + 1 < count) store_one(to + 1, second);
    }
    if (kWhole || i < count) store_one(to, first);
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
        entries[d] = load_entry(table, points[d].slot);
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

// Moves the state on, in a launch of its own: within the draw's launch, other blocks may still have to read it.
struct AdvanceBody {
  static constexpr uint32_t kThreads = 32;
  StreamState* state;
  uint64_t by;

  PYSAMPLER_HOST_DEVICE void operator()(ThreadAt at) const {
    if (at.first() == 0) state->position = static_cast<int64_t>(static_cast<uint64_t>(state->position) + by);
  }
};

// Draws from a state and moves it on, in one launch: of as few draws as one block of threads makes, launching takes longer
// than drawing.
template <class Index>
struct DrawAndAdvance {
  static constexpr uint32_t kThreads = DrawBody<Index>::kThreads;
  static constexpr uint64_t kMostDraws = DrawBody<Index>::kTile;
  struct Shared {};

  DrawBody<Index> draw;  // its state is this one
  StreamState* state;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared&) const {
    typename Team::template Own<Origin> from;
    team.each([&](uint32_t thread) { from[thread] = origin_of(*state); });
    team.each([&](uint32_t thread) {
      draw.draw_from(from[thread], {0, thread, {1, kThreads}});
      if (thread == 0) state->position = static_cast<int64_t>(from[thread].position + draw.count * draw.step);
    });
  }
};

PYSAMPLER_HOST_DEVICE Grid advance_grid() { return {1, AdvanceBody::kThreads}; }

}  // namespace pysampler::cuda
