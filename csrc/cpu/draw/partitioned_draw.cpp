#include "cpu/draw/partitioned_draw.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/draw/draw_kernels.h"
#include "cpu/runtime/memory.h"

namespace pysampler {
namespace {

// Measured on Zen 4 (docs/performance.md), fresh scratch included.
// Below, direct draws with prefetch are as fast. Several threads wait for memory at the same time, and the passes gain less.
constexpr uint64_t kMinItems = 100'000'000, kMinItemsOfThreads = 200'000'000;
constexpr uint64_t kMinDrawsShare = 2;       // at least items / 2 draws, or neither the table's reading nor the scratch pays

constexpr uint64_t kBlock = 64;
constexpr uint64_t kPieceDraws = 1 << 21;  // appended by one thread at a time: some ten milliseconds
constexpr uint64_t kUnwatchedDraws = 16 * kBlock;  // appended without looking at how full the regions are
constexpr uint64_t kMinScratchBytes = 64 << 20;
// A slice that fits an L2 cache is of no use if there are too many of them: with 400 streams all three passes together take
// a tenth longer than with 200, whose slices are read from the last-level cache, prefetched.
constexpr uint64_t kMaxBuckets = 200;
constexpr uint64_t kMinShift = 17;

// How the draws of one chunk are laid out: `pieces` rows, each with `buckets` regions of `capacity` points.
struct Layout {
  uint64_t shift;
  uint64_t buckets;
  uint64_t capacity;

  uint64_t bytes_per_piece() const { return buckets * capacity * sizeof(uint64_t) + kPieceDraws * sizeof(uint16_t); }
};

Layout choose_layout(uint64_t items, double spare_deviations) {
  Layout layout = {kMinShift, 0, 0};
  while (((items - 1) >> layout.shift) + 1 > kMaxBuckets) ++layout.shift;
  layout.buckets = ((items - 1) >> layout.shift) + 1;
  // Slots are uniform whatever the weights, so a region holds its share and some standard deviations more, and what is
  // appended between two looks; a piece that overflows all the same is drawn directly.
  const double slots = static_cast<double>(std::min(items, uint64_t{1} << layout.shift));
  const double share = static_cast<double>(kPieceDraws) * slots / static_cast<double>(items);
  const auto needed = static_cast<uint64_t>(share + spare_deviations * std::sqrt(share)) + kUnwatchedDraws;
  layout.capacity = (needed / 16 + 1) * 16;
  return layout;
}

// Scratch of one piece.
struct Piece {
  uint64_t* points;         // region b starts at b * capacity; after the lookup it holds 32-bit items
  uint16_t* bucket_of;      // of each draw
  std::vector<uint32_t> filled;
  bool overflowed = false;
};

void append(const Layout& layout, const DrawKernels& kernels, uint64_t items, Stream stream, uint64_t start,
            uint64_t draws, Piece& piece) {
  std::vector<uint64_t*> next(layout.buckets);
  for (uint64_t b = 0; b < layout.buckets; ++b) next[b] = piece.points + b * layout.capacity;
  const auto filled = [&](uint64_t b) { return static_cast<uint64_t>(next[b] - (piece.points + b * layout.capacity)); };
  for (uint64_t done = 0; done < draws && !piece.overflowed; done += kUnwatchedDraws) {
    const uint64_t blocks = std::min(kUnwatchedDraws, draws - done) / kBlock;
    kernels.append_points(items, stream, start + done, blocks, layout.shift, next.data(), piece.bucket_of + done);
    for (uint64_t b = 0; b < layout.buckets; ++b) piece.overflowed |= filled(b) > layout.capacity - kUnwatchedDraws;
  }
  for (uint64_t b = 0; b < layout.buckets; ++b) piece.filled[b] = static_cast<uint32_t>(filled(b));
}

// Brings a slice of the table into the caches in order, which memory does several times faster than at random.
void warm(const AliasTableView& table, uint64_t first, uint64_t count) {
  const uint64_t end = std::min(table.items, first + count);
  for (uint64_t i = first; i < end; i += 64 / sizeof(AliasEntry)) prefetch_to_l2(&table.entries[i]);
}

template <class Index>
void read_back(const Layout& layout, const DrawKernels& kernels, const Piece& piece, uint64_t draws, Index* out) {
  std::vector<const uint32_t*> next(layout.buckets);
  for (uint64_t b = 0; b < layout.buckets; ++b) {
    next[b] = reinterpret_cast<const uint32_t*>(piece.points + b * layout.capacity);
  }
  kernels.read_back(next.data(), piece.bucket_of, draws / kBlock, out);
}

// A call's draws, in chunks that fit the scratch memory.
template <class Index>
class PartitionedDraw {
 public:
  PartitionedDraw(const AliasTableView& table, Stream stream, uint64_t start, uint64_t count, Index* out,
                  const Execution& execution, double spare_deviations)
      : table_(table),
        stream_(stream),
        start_(start),
        count_(count),
        out_(out),
        execution_(execution),
        kernels_(draw_kernels(execution.target)),
        layout_(choose_layout(table.items, spare_deviations)) {}

  void run() {
    const uint64_t all_pieces = (count_ - 1) / kPieceDraws + 1;
    const uint64_t scratch_bytes = std::max(kMinScratchBytes, table_.items * sizeof(AliasEntry) / 4);
    const uint64_t together = std::clamp<uint64_t>(scratch_bytes / layout_.bytes_per_piece(), 1, all_pieces);
    const LargeBuffer points(together * layout_.buckets * layout_.capacity * sizeof(uint64_t));
    const LargeBuffer buckets(together * kPieceDraws * sizeof(uint16_t));
    for (uint64_t first = 0; first < all_pieces; first += together) {
      pieces_.assign(std::min(together, all_pieces - first), {});
      for (uint64_t p = 0; p < pieces_.size(); ++p) {
        pieces_[p].points = points.as<uint64_t>() + p * layout_.buckets * layout_.capacity;
        pieces_[p].bucket_of = buckets.as<uint16_t>() + p * kPieceDraws;
        pieces_[p].filled.resize(layout_.buckets);
      }
      run_chunk(first);
    }
  }

 private:
  void run_chunk(uint64_t first_piece) {
    const auto offset_of = [&](uint64_t p) { return (first_piece + p) * kPieceDraws; };
    const auto draws_of = [&](uint64_t p) { return std::min(kPieceDraws, count_ - offset_of(p)); };
    parallel_for(pieces_.size(), execution_, [&](uint64_t p) {
      append(layout_, kernels_, table_.items, stream_, start_ + offset_of(p), draws_of(p), pieces_[p]);
    });
    parallel_for(layout_.buckets, execution_, [&](uint64_t b) {
      warm(table_, b << layout_.shift, uint64_t{1} << layout_.shift);
      for (const Piece& piece : pieces_) {
        uint64_t* const region = piece.points + b * layout_.capacity;
        kernels_.resolve_range(table_.entries, region, piece.filled[b], reinterpret_cast<uint32_t*>(region));
      }
    });
    parallel_for(pieces_.size(), execution_, [&](uint64_t p) {
      Index* const to = out_ + offset_of(p);
      if (pieces_[p].overflowed) {
        const Positions positions = {start_ + offset_of(p), 1, draws_of(p)};
        kernels_.draw_range(table_, stream_, positions, to, {LookUp::kPrefetched, false});
      } else {
        read_back(layout_, kernels_, pieces_[p], draws_of(p), to);
      }
    });
  }

  const AliasTableView& table_;
  const Stream stream_;
  const uint64_t start_, count_;  // whole groups of positions, and whole blocks
  Index* const out_;
  const Execution& execution_;
  const DrawKernels& kernels_;
  const Layout layout_;
  std::vector<Piece> pieces_;  // of the chunk
};

}  // namespace

bool partitioned_draw_pays(uint64_t items, uint64_t count, int threads) {
  return items >= (threads > 1 ? kMinItemsOfThreads : kMinItems) && count >= items / kMinDrawsShare;
}

template <class Index>
void partitioned_draw(const AliasTableView& table, Stream stream, uint64_t start, uint64_t count, Index* out,
                      const Execution& execution, double spare_deviations) {
  const DrawKernels& kernels = draw_kernels(execution.target);
  const DrawHints direct = {LookUp::kPrefetched, false};
  const uint64_t head = std::min((16 - start % 16) % 16, count);
  const uint64_t body = (count - head) / kBlock * kBlock;
  kernels.draw_range(table, stream, {start, 1, head}, out, direct);
  kernels.draw_range(table, stream, {start + head + body, 1, count - head - body}, out + head + body, direct);
  if (body == 0) return;
  PartitionedDraw<Index>(table, stream, start + head, body, out + head, execution, spare_deviations).run();
}

template void partitioned_draw(const AliasTableView&, Stream, uint64_t, uint64_t, int64_t*, const Execution&, double);
template void partitioned_draw(const AliasTableView&, Stream, uint64_t, uint64_t, int32_t*, const Execution&, double);

}  // namespace pysampler
