// What a dynamic table's memory alone costs: reads, and writes, of as many cache lines in arrays of the same sizes, without
// any search or sum. No tree of this layout can be faster.
#include <cstdint>
#include <cstring>
#include <vector>

#include "cpu/runtime/memory.cpp"

namespace {

constexpr int kAhead = 16;  // batches: lines asked for before they are needed

struct Lines {
  std::vector<pysampler::LargeBuffer> levels;  // the weights, then 128 bytes for each 256 of them, for each 4096, ...
  uint64_t items;
};

uint64_t next_word(uint64_t* state) {  // SplitMix64
  uint64_t z = *state += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

uint64_t random_item(const Lines& lines, uint64_t* state) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(next_word(state)) * lines.items) >> 64);
}

uint64_t* node_of(const Lines& lines, size_t level, uint64_t item) {
  return lines.levels[level].as<uint64_t>() + (item >> (4 * (level + 1))) * 16;
}
uint64_t* leaf_of(const Lines& lines, uint64_t item) { return lines.levels[0].as<uint64_t>() + (item >> 4) * 8; }

// Only those of levels that do not lie in the first cache.
template <class Line>
void for_each_line(const Lines& lines, uint64_t item, Line line) {
  for (size_t level = lines.levels.size(); level-- > 1;) {
    if (lines.levels[level].bytes() <= 32 << 10) continue;
    line(node_of(lines, level, item));
    line(node_of(lines, level, item) + 8);
  }
  line(leaf_of(lines, item));
}

template <class Line>
void in_batches(const Lines& lines, uint64_t seed, int64_t count, Line line) {
  uint64_t ahead = seed;
  for (int i = 0; i < kAhead; ++i) random_item(lines, &ahead);
  for (int64_t i = 0; i < count; ++i) {
    for_each_line(lines, random_item(lines, &ahead), [](uint64_t* at) { __builtin_prefetch(at); });
    for_each_line(lines, random_item(lines, &seed), line);
  }
}

}  // namespace

extern "C" Lines* limit_make(int64_t items) {
  auto* const lines = new Lines{{}, static_cast<uint64_t>(items)};
  uint64_t bytes = static_cast<uint64_t>(items) * 4;
  for (uint64_t nodes = (lines->items + 255) / 256;; nodes = (nodes + 15) / 16) {
    lines->levels.emplace_back((bytes + 255) / 64 * 64);
    std::memset(lines->levels.back().as<void>(), 0, lines->levels.back().bytes());
    bytes = nodes * 128;
    if (nodes == 1) break;
  }
  return lines;
}

extern "C" uint64_t limit_reads(const Lines* lines, uint64_t seed, int64_t count) {
  uint64_t sum = 0;
  in_batches(*lines, seed, count, [&](const uint64_t* line) { sum += *line; });
  return sum;
}

extern "C" void limit_writes(const Lines* lines, uint64_t seed, int64_t count) {
  in_batches(*lines, seed, count, [](uint64_t* line) { line[1] += 1; });
}

// One item after another: each line is known once the one above it is, and an item once the one before it is.
extern "C" uint64_t limit_ones(const Lines* lines, uint64_t seed, int64_t count) {
  uint64_t zero = 0;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t item = random_item(*lines, &seed);
    for_each_line(*lines, item, [&](uint64_t* line) {
      asm volatile("" : "+r"(zero));
      const uint64_t read = line[zero];
      line[1] = read;  // the first of a line stays zero
      zero = read;
    });
  }
  return zero;
}
