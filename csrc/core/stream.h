// The stream: which 64 random bits belong to (seed, epoch, purpose, position).
//
// Frozen by known answers in tests/cpp and tests/: changing anything here is a breaking change.
#pragma once

#include <cstdint>

#include "core/macros.h"
#include "core/philox.h"

namespace pysampler {

// Purposes never share random bits. Values are part of the frozen stream: append, never renumber.
enum class Tag : uint8_t {
  kDraw = 0,              // weighted draws with replacement
  kClassPick = 1,         // the item inside a class
  kPermutation = 2,       // keys of keyed permutations
  kSystematicOffset = 3,  // U_0 of systematic sampling
  kRace = 4,              // exponential-race keys (without replacement)
  kSeenBitmap = 5,        // draws filtered by a seen-bitmap (without replacement)
  kRepeatFactor = 6,      // stochastic rounding of repeat factors
  kPadding = 7,           // positions beyond an epoch's end
  kPaddingPick = 8,       // there, the item inside a class
  kClassOrder = 9,        // keys of the orders of a class's items; the class stands in the epoch's place
  kClassDeck = 10,        // keys of the orders of the classes
  kMixtureOffset = 16,       // offsets of a mixture's lattices
  kMixtureOrder = 17,        // keys of the orders within windows
  kMixtureInnerOrder = 18,   // the same in the group of small sources; the stage stands in the epoch's place
  kMixtureItem = 19,         // keys of a source's passes; the source stands in the epoch's place
  kMixtureTable = 20,        // draws from a source's table; the source stands in the epoch's place
  kMixtureTablePick = 21,    // there, the item inside a class
  kMixturePaddingInner = 22, // beyond an epoch's end: the source within the group of small ones
  kMixturePaddingClass = 23, // there, the word for a source's own table
  kGeneratorKey = 32,     // keys from CUDA generators (Python)
};

constexpr int kEpochBits = 48;  // epochs live in [0, 2^48); the 8 bits of the tag sit above bit 56

struct Stream {
  uint64_t seed;
  uint64_t counter_high;  // tag << 56 | epoch
};

PYSAMPLER_HOST_DEVICE Stream make_stream(uint64_t seed, uint64_t epoch, Tag tag = Tag::kDraw) {
  return {seed, static_cast<uint64_t>(tag) << 56 | epoch};
}

// Words lie sixteen to a group of eight blocks: positions 0-7 are the low halves, 8-15 the high halves.
// Eight 64-bit lanes that hold eight consecutive counters then produce sixteen consecutive positions
// without a shuffle, and every vector width gives the same stream.
PYSAMPLER_HOST_DEVICE uint64_t stream_block(uint64_t position) {
  return position / 16 * 8 + position % 8;
}

PYSAMPLER_HOST_DEVICE bool stream_takes_high_half(uint64_t position) { return (position / 8) % 2 != 0; }

constexpr uint64_t kStreamBlocks = uint64_t{1} << 63;  // for all 2^64 positions; the block after the last is the first

// The first of the two positions whose words a block holds, its low half; that of the high half is kHalfDistance further.
constexpr uint64_t kHalfDistance = 8;
PYSAMPLER_HOST_DEVICE uint64_t low_half_position(uint64_t block) { return block / 8 * 16 + block % 8; }

PYSAMPLER_HOST_DEVICE PhiloxBlock stream_words(Stream stream, uint64_t block) {
  return philox4x32_10({block, stream.counter_high}, stream.seed);
}

PYSAMPLER_HOST_DEVICE uint64_t stream_word(Stream stream, uint64_t position) {
  const PhiloxBlock block = stream_words(stream, stream_block(position));
  return stream_takes_high_half(position) ? block.high : block.low;
}

}  // namespace pysampler
