// Keyed permutations of [0, n) in constant memory: the place of every element can be computed on its own.
//
// A generalised Feistel network (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002) on the grid
// of rows x columns >= n nearest to a square; a result outside [0, n) goes through again ("cycle walking") until it is
// inside, which less than one in sqrt(n) needs. Grids of few rows mix slowly, so up to kMaxShuffled elements are
// shuffled outright. Left after the rounds below, by the correlation of pairs (columns^-(rounds/2)): about 1e-7.
//
// A round turns every row or every column around by some distance. That is an even permutation wherever sides are odd, so
// on an odd square rounds alone would never give half of all orders. The last step therefore makes images 0 and 1 change
// places for every other key, by a bit of its own: even and odd permutations are then exactly equally likely.
#pragma once

#include <cstdint>

#include "core/alias_table.h"
#include "core/macros.h"
#include "core/multiply_high.h"
#include "core/stream.h"

namespace pysampler {

constexpr uint64_t kMaxShuffled = 64;
constexpr int kMaxPermutationRounds = 16;
constexpr uint64_t kPermutationWords = 64;  // words of the stream that one key may take
constexpr uint64_t kMaxPermuted = uint64_t{1} << 62;

// Changes whenever any of the permutations does. Part of the fingerprints of whatever is drawn in their order, so that
// states from before are refused.
constexpr uint64_t kPermutationVersion = 2;

// The integer square root, rounded up, of 1 <= value <= 2^62.
PYSAMPLER_HOST_DEVICE uint64_t square_root_up(uint64_t value) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit != 0; bit >>= 1) {
    const uint64_t larger = root | bit;
    if (larger * larger <= value - 1) root = larger;
  }
  return root + 1;
}

struct Permutation {
  uint64_t elements;
  uint32_t rows, columns;
  uint64_t reciprocal;                      // floor((2^64 - 1) / columns)
  uint32_t swapped;                         // 2: images 0 and 1 change places; 0: they do not
  int rounds;                               // 0: shuffled
  uint32_t keys[kMaxPermutationRounds];
  uint8_t shuffled[kMaxShuffled];
};

// The permutation whose key is made of the stream's blocks block_at(0), block_at(1), ... 1 <= elements <= kMaxPermuted.
template <class BlockAt>
PYSAMPLER_HOST_DEVICE Permutation permutation_from_blocks(BlockAt block_at, uint64_t elements) {
  Permutation permutation = {};
  permutation.elements = elements;
  if (elements <= kMaxShuffled) {
    for (uint64_t i = 0; i < elements; ++i) {  // Fisher and Yates, inside out, with the words in the stream's order
      const PhiloxBlock block = block_at(stream_block(i));
      const uint32_t other = locate(stream_takes_high_half(i) ? block.high : block.low, i + 1).slot;
      permutation.shuffled[i] = permutation.shuffled[other];
      permutation.shuffled[other] = static_cast<uint8_t>(i);
    }
    return permutation;
  }
  const uint64_t rows = square_root_up(elements);
  permutation.rows = static_cast<uint32_t>(rows);
  permutation.columns = static_cast<uint32_t>((elements - 1) / rows + 1);
  permutation.reciprocal = ~uint64_t{0} / permutation.columns;
  permutation.rounds = elements <= 4096 ? 16 : 8;
  const int key_blocks = permutation.rounds / 4;  // blocks, not words: each is computed once for both of its words
  for (int i = 0; i < key_blocks; ++i) {
    const PhiloxBlock block = block_at(static_cast<uint64_t>(i));
    uint32_t* const keys = permutation.keys + 4 * i;
    keys[0] = static_cast<uint32_t>(block.low);
    keys[1] = static_cast<uint32_t>(block.low >> 32);
    keys[2] = static_cast<uint32_t>(block.high);
    keys[3] = static_cast<uint32_t>(block.high >> 32);
  }
  permutation.swapped = block_at(static_cast<uint64_t>(key_blocks)).low % 2 == 0 ? 0 : 2;
  return permutation;
}

// The permutation number `index` of those that a stream holds. 1 <= elements <= kMaxPermuted. They repeat from index
// 2^58 on.
PYSAMPLER_HOST_DEVICE Permutation make_permutation(Stream stream, uint64_t index, uint64_t elements) {
  const uint64_t first = index * (kPermutationWords / 2);
  return permutation_from_blocks([=](uint64_t i) { return stream_words(stream, first + i); }, elements);
}

constexpr uint32_t kMixMultiplier0 = 0x7FEB352Du;
constexpr uint32_t kMixMultiplier1 = 0x846CA68Bu;

// 32 well-mixed bits of 32: two multiplications between shifts.
PYSAMPLER_HOST_DEVICE uint32_t mix(uint32_t bits) {
  bits = (bits ^ bits >> 16) * kMixMultiplier0;
  bits = (bits ^ bits >> 15) * kMixMultiplier1;
  return bits ^ bits >> 16;
}

// (value + a number below `limit` that depends on the other half) modulo limit. Nothing overflows for any 32-bit limit.
PYSAMPLER_HOST_DEVICE uint32_t feistel_step(uint32_t value, uint32_t other, uint32_t key, uint32_t limit) {
  const uint32_t back = limit - static_cast<uint32_t>(uint64_t{mix(other ^ key)} * limit >> 32);
  return value < back ? value - back + limit : value - back;
}

// A place on the grid.
struct GridPoint {
  uint32_t row, column;
};

// Row and column of an element without a division: the reciprocal gives a row that is at most one too small.
PYSAMPLER_HOST_DEVICE GridPoint grid_point(uint32_t columns, uint64_t reciprocal, uint64_t element) {
  const uint64_t row = multiply_high(element, reciprocal), column = element - row * columns;
  const bool next = column >= columns;
  return {static_cast<uint32_t>(row + next), static_cast<uint32_t>(next ? column - columns : column)};
}

// Once through the rounds; the result may lie beyond the last element.
PYSAMPLER_HOST_DEVICE GridPoint scramble(const Permutation& permutation, GridPoint point) {
  for (int round = 0; round < permutation.rounds; round += 2) {
    point.row = feistel_step(point.row, point.column, permutation.keys[round], permutation.rows);
    point.column = feistel_step(point.column, point.row, permutation.keys[round + 1], permutation.columns);
  }
  return point;
}

// The last step.
PYSAMPLER_HOST_DEVICE uint64_t maybe_swapped(uint64_t image, uint32_t swapped) { return image ^ (image < swapped); }

// Where the permutation puts `element` < elements.
PYSAMPLER_HOST_DEVICE uint64_t permute(const Permutation& permutation, uint64_t element) {
  if (permutation.rounds == 0) return permutation.shuffled[element];
  const uint64_t columns = permutation.columns;
  do {
    const GridPoint point =
        scramble(permutation, grid_point(permutation.columns, permutation.reciprocal, element));
    element = point.row * columns + point.column;
  } while (element >= permutation.elements);
  return maybe_swapped(element, permutation.swapped);
}

// (value - a number below `limit` that depends on the other half) modulo limit: takes feistel_step back.
PYSAMPLER_HOST_DEVICE uint32_t feistel_step_back(uint32_t value, uint32_t other, uint32_t key, uint32_t limit) {
  const uint32_t back = static_cast<uint32_t>(uint64_t{mix(other ^ key)} * limit >> 32);
  return value < back ? value - back + limit : value - back;
}

// The element that the permutation puts at `image` < elements. Up to 64 elements are looked through.
PYSAMPLER_HOST_DEVICE uint64_t element_at(const Permutation& permutation, uint64_t image) {
  if (permutation.rounds == 0) {
    uint64_t element = 0;
    while (permutation.shuffled[element] != image) ++element;
    return element;
  }
  image = maybe_swapped(image, permutation.swapped);
  do {
    GridPoint point = grid_point(permutation.columns, permutation.reciprocal, image);
    for (int round = permutation.rounds - 2; round >= 0; round -= 2) {
      point.column = feistel_step_back(point.column, point.row, permutation.keys[round + 1], permutation.columns);
      point.row = feistel_step_back(point.row, point.column, permutation.keys[round], permutation.rows);
    }
    image = uint64_t{point.row} * permutation.columns + point.column;
  } while (image >= permutation.elements);
  return image;
}

}  // namespace pysampler
