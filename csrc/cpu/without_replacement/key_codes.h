// Codes of race keys: 64-bit integers in the same order, spread almost evenly. The keys themselves crowd into a few
// powers of two; the leading bits of their codes make buckets of even size, whatever the weights.
#pragma once

#include <cstdint>
#include <vector>

#include "core/exponential_race.h"

namespace pysampler {

// A piecewise linear, increasing function of the key's bits: four cells to each power of two, each as wide as its share
// of a sample. Inside a cell the density of race keys is nearly even whatever the weights are, because the logarithm of
// an exponential variable has a smooth density. Different keys can have the same code, which is for the caller to
// settle; in use that is rare.
class KeyCodes {
 public:
  // From the keys <= limit of a sample, limit <= kLargestKey.
  KeyCodes(const uint64_t* sample, uint64_t count, uint64_t limit) : cells_(kCells) {
    std::vector<uint32_t> found(kCells);
    uint64_t total = 0;
    for (uint64_t i = 0; i < count; ++i) {
      if (sample[i] > limit) continue;
      ++found[sample[i] >> kCellBits];
      ++total;
    }
    // One sixteenth of the codes goes evenly to all cells, since keys occur where the sample has none.
    constexpr uint64_t kUnits = uint64_t{1} << 32, kFloor = kUnits / 16 / kCells;
    const uint64_t each = total == 0 ? 0 : (kUnits - kCells * kFloor) / total;
    uint64_t first = 0;
    for (uint64_t c = 0; c < kCells; ++c) {
      const uint64_t width = kFloor + each * found[c];
      cells_[c] = {static_cast<uint32_t>(first), static_cast<uint32_t>(width)};
      first += width;
    }
  }

  // For keys of items that do not run: any value.
  uint64_t code(uint64_t key) const {
    const Cell cell = cells_[key >> kCellBits];
    const uint64_t within = key >> (kCellBits - 32) & 0xFFFFFFFFu;
    return (uint64_t{cell.first} << 32) + within * cell.width;
  }

 private:
  struct Cell {
    uint32_t first, width;  // in units of 2^32
  };
  static constexpr int kCellBits = 50;
  static constexpr uint64_t kCells = uint64_t{1} << (63 - kCellBits);
  std::vector<Cell> cells_;
};

}  // namespace pysampler
