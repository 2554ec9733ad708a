#include "cpu/draw/partitioned_draw.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/draw/draw_kernels.h"
#include "cpu/runtime/memory.h"

namespace pysampler {
namespace {

constexpr uint64_t kMinItems = 200'000'000;  // below, direct draws with prefetch are as fast
constexpr uint64_t kMinDrawsShare = 5;      // at least items / 5 draws, or reading the whole table does not pay

constexpr uint64_t kBlock = 64;
constexpr uint64_t kPieceDraws = 1 << 21;  // appended by one thread at a time: some ten milliseconds
constexpr uint64_t kMinScratchBytes = 64 << 20;
constexpr uint64_t kMaxBuckets = 400;  // more streams than this no longer stay in the near caches
constexpr uint64_t kMinShift = 17;     // a slice of 2^17 slots is 1 MiB: the size of an L2 cache

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
  // Slots are uniform whatever the weights, so a region holds its share and some standard deviations more; a piece that
  // overflows all the same is drawn directly.
  const double slots = static_cast<double>(std::min(items, uint64_t{1} << layout.shift));
  const double share = static_cast<double>(kPieceDraws) * slots / static_cast<double>(items);
  layout.capacity = (static_cast<uint64_t>(share + spare_deviations * std::sqrt(share)) / 16 + 2) * 16;
  return layout;
}

// Scratch of one piece.
struct Piece {
  uint64_t* points;         // region b starts at b * capacity; after the lookup it holds 32-bit items
  uint16_t* bucket_of;      // of each draw
  std::vector<uint32_t> filled;
  bool overflowed = false;
};

struct Cursor {
  uint64_t* next;
  uint64_t* last;  // the end of the region, never written
};

void append(const Layout& layout, const DrawKernels& kernels, uint64_t items, Stream stream, uint64_t start,
            uint64_t draws, Piece& piece) {
  std::vector<Cursor> cursors(layout.buckets);
  for (uint64_t b = 0; b < layout.buckets; ++b) {
    uint64_t* region = piece.points + b * layout.capacity;
    cursors[b] = {region, region + layout.capacity - 1};
  }
  alignas(64) uint64_t points[kBlock];
  for (uint64_t done = 0; done < draws; done += kBlock) {
    kernels.point_range(items, stream, start + done, 1, points);
    for (uint64_t i = 0; i < kBlock; ++i) {
      const uint64_t bucket = points[i] >> (32 + layout.shift);
      piece.bucket_of[done + i] = static_cast<uint16_t>(bucket);
      Cursor& cursor = cursors[bucket];
      *cursor.next = points[i];
      cursor.next += cursor.next != cursor.last;  // a full region is overwritten at its end, and detected below
      prefetch_to_write(cursor.next + 12);
    }
  }
  for (uint64_t b = 0; b < layout.buckets; ++b) {
    piece.filled[b] = static_cast<uint32_t>(cursors[b].next - (piece.points + b * layout.capacity));
    piece.overflowed |= cursors[b].next == cursors[b].last;
  }
}

// Brings a slice of the table into the caches in order, which memory does several times faster than at random.
void warm(const AliasTableView& table, uint64_t first, uint64_t count) {
  const uint64_t end = std::min(table.items, first + count);
  for (uint64_t i = first; i < end; i += 64 / sizeof(AliasEntry)) prefetch_to_l2(&table.entries[i]);
}

void read_back(const Layout& layout, const Piece& piece, uint64_t draws, int64_t* out) {
  std::vector<const uint32_t*> next(layout.buckets);
  for (uint64_t b = 0; b < layout.buckets; ++b) {
    next[b] = reinterpret_cast<const uint32_t*>(piece.points + b * layout.capacity);
  }
  for (uint64_t i = 0; i < draws; ++i) {
    const uint32_t*& from = next[piece.bucket_of[i]];
    prefetch(from + 24);
    out[i] = *from++;
  }
}

}  // namespace

bool partitioned_draw_pays(uint64_t items, uint64_t count) {
  return items >= kMinItems && count >= items / kMinDrawsShare;
}

void partitioned_draw(const AliasTableView& table, Stream stream, uint64_t start, uint64_t count, int64_t* out,
                      const Execution& execution, double spare_deviations) {
  const DrawKernels& kernels = draw_kernels(execution.target);
  const uint64_t items = table.items;
  const DrawHints direct = {true, false};
  const uint64_t head = std::min((16 - start % 16) % 16, count);
  const uint64_t body = (count - head) / kBlock * kBlock;
  kernels.draw_range(table, stream, {start, 1, head}, out, direct);
  kernels.draw_range(table, stream, {start + head + body, 1, count - head - body}, out + head + body, direct);
  if (body == 0) return;

  const Layout layout = choose_layout(items, spare_deviations);
  const uint64_t scratch_bytes = std::max(kMinScratchBytes, items * sizeof(AliasEntry) / 4);
  const uint64_t all_pieces = (body - 1) / kPieceDraws + 1;
  const uint64_t chunk_pieces = std::clamp<uint64_t>(scratch_bytes / layout.bytes_per_piece(), 1, all_pieces);
  const LargeBuffer points(chunk_pieces * layout.buckets * layout.capacity * sizeof(uint64_t));
  const LargeBuffer buckets(chunk_pieces * kPieceDraws * sizeof(uint16_t));

  for (uint64_t first_piece = 0; first_piece < all_pieces; first_piece += chunk_pieces) {
    std::vector<Piece> pieces(std::min(chunk_pieces, all_pieces - first_piece));
    for (uint64_t p = 0; p < pieces.size(); ++p) {
      pieces[p].points = points.as<uint64_t>() + p * layout.buckets * layout.capacity;
      pieces[p].bucket_of = buckets.as<uint16_t>() + p * kPieceDraws;
      pieces[p].filled.resize(layout.buckets);
    }
    const auto offset_of = [&](uint64_t p) { return head + (first_piece + p) * kPieceDraws; };
    const auto draws_of = [&](uint64_t p) { return std::min(kPieceDraws, head + body - offset_of(p)); };
    parallel_for(pieces.size(), execution, [&](uint64_t p) {
      append(layout, kernels, items, stream, start + offset_of(p), draws_of(p), pieces[p]);
    });
    parallel_for(layout.buckets, execution, [&](uint64_t b) {
      warm(table, b << layout.shift, uint64_t{1} << layout.shift);
      for (const Piece& piece : pieces) {
        uint64_t* region = piece.points + b * layout.capacity;
        kernels.resolve_range(table.entries, region, piece.filled[b], reinterpret_cast<uint32_t*>(region));
      }
    });
    parallel_for(pieces.size(), execution, [&](uint64_t p) {
      int64_t* to = out + offset_of(p);
      if (pieces[p].overflowed) {
        kernels.draw_range(table, stream, {start + offset_of(p), 1, draws_of(p)}, to, direct);
      } else {
        read_back(layout, pieces[p], draws_of(p), to);
      }
    });
  }
}

}  // namespace pysampler
