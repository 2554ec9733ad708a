// Codes of race keys: 32-bit integers in the same order, and spread almost evenly. A key's bits, by contrast, crowd into
// a few powers of two. Even codes make buckets of even size out of their leading bits, for any weights.
#pragma once

#include <cstdint>
#include <vector>

#include "../core/exponential_race.h"

namespace pysampler {

// A piecewise linear, increasing function of the bits of a key: four cells to each power of two, each as wide as its
// share of a sample of the keys. Inside a cell the density of race keys is nearly even whatever the weights are, since
// the logarithm of an exponential variable has a smooth density. Equal codes are rare, and for the caller to resolve.
class KeyCodes {
 public:
  // From the finite keys <= limit of a sample.
  KeyCodes(const double* sample, uint64_t count, double limit) : cells_(kCells) {
    std::vector<uint32_t> found(kCells);
    uint64_t total = 0;
    for (uint64_t i = 0; i < count; ++i) {
      if (!(sample[i] <= limit)) continue;
      ++found[bits_of(sample[i]) >> kCellBits];
      ++total;
    }
    // One sixteenth of the codes goes evenly to all cells, since keys occur where the sample has none.
    constexpr uint64_t kCodes = uint64_t{1} << 32, kFloor = kCodes / 16 / kCells;
    const uint64_t each = total == 0 ? 0 : (kCodes - kCells * kFloor) / total;
    uint64_t first = 0;
    for (uint64_t c = 0; c < kCells; ++c) {
      const uint64_t width = kFloor + each * found[c];
      cells_[c] = {static_cast<uint32_t>(first), static_cast<uint32_t>(width)};
      first += width;
    }
  }

  uint32_t code(uint64_t key_bits) const {
    const Cell cell = cells_[key_bits >> kCellBits];
    const uint64_t within = key_bits >> (kCellBits - 32) & 0xFFFFFFFFu;
    return cell.first + static_cast<uint32_t>(within * cell.width >> 32);
  }

 private:
  struct Cell {
    uint32_t first, width;
  };
  static constexpr int kCellBits = 50;
  static constexpr uint64_t kCells = uint64_t{1} << (63 - kCellBits);
  std::vector<Cell> cells_;
};

}  // namespace pysampler
