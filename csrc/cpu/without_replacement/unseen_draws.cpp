#include "cpu/without_replacement/unseen_draws.h"

#include <algorithm>
#include <vector>

#include "cpu/draw/draw.h"

namespace pysampler {
namespace {

constexpr uint64_t kPiece = 8192;           // draws at a time: their outcomes stay in the second-level cache
constexpr uint64_t kMaxChunk = 1 << 18;     // draws between two decisions whether to go on
constexpr uint64_t kOverlapFrom = 1 << 15;  // chunks this large are worth a second thread
constexpr uint64_t kAddsAhead = 16;

// A sixteenth of the wanted items: the last chunk is then a small loss where drawing does not pay.
uint64_t chunk_for(uint64_t count) { return std::clamp<uint64_t>(count / 16 / 64 * 64, 64, kMaxChunk); }

class UnseenDraws {
 public:
  UnseenDraws(const AliasTableView& table, Stream stream, uint64_t first_position, uint64_t count, int64_t* out,
              SeenBitmap* seen, const Execution& execution)
      : table_(table),
        stream_(stream),
        first_position_(first_position),
        count_(count),
        out_(out),
        seen_(seen),
        execution_(execution),
        chunk_(chunk_for(count)) {}

  uint64_t chunk() const { return chunk_; }

  // One chunk after the other, each piece by piece.
  uint64_t run() {
    std::vector<int64_t> draws(std::min(chunk_, kPiece) + kAddsAhead);
    for (uint64_t begin = 0, size; (size = chunk_at(begin)) > 0; begin += size) {
      const uint64_t before = found_;
      for (uint64_t done = 0; done < size && found_ < count_; done += kPiece) {
        const uint64_t part = std::min(kPiece, size - done);
        draw_positions(begin + done, part, draws.data());
        keep_unseen(draws.data(), part);
        if (execution_.interrupt && execution_.interrupt()) throw Interrupted{};
      }
      if (is_over(before, size)) break;
    }
    return found_;
  }

  // The same, with the draws of the next chunk made while this one's are looked up.
  uint64_t run_overlapped() {
    std::vector<int64_t> draws(chunk_ + kAddsAhead), next_draws(chunk_ + kAddsAhead);
    uint64_t begin = 0, size = chunk_at(0);
    draw_chunk(begin, size, draws.data(), [] {});
    while (true) {
      const uint64_t before = found_, next = begin + size, next_size = chunk_at(next);
      const bool sure = found_ + size < count_;  // that more than this chunk is needed, if it is not the last that pays
      const auto keep = [&] { keep_unseen(draws.data(), size); };
      draw_chunk(next, sure ? next_size : 0, next_draws.data(), keep);
      if (is_over(before, size) || next_size == 0) return found_;
      if (!sure) draw_chunk(next, next_size, next_draws.data(), [] {});
      draws.swap(next_draws);
      begin = next;
      size = next_size;
    }
  }

 private:
  uint64_t chunk_at(uint64_t begin) const { return std::min(chunk_, table_.items - begin); }
  bool is_over(uint64_t found_before, uint64_t size) const {
    return found_ == count_ || (found_ - found_before) * 2 < size;
  }

  void draw_positions(uint64_t begin, uint64_t count, int64_t* draws) const {
    draw(table_, stream_, {first_position_ + begin, 1, count}, draws, {1, {}, execution_.target});
  }

  // Makes the draws of a chunk, and calls `meanwhile` once.
  template <class Meanwhile>
  void draw_chunk(uint64_t begin, uint64_t size, int64_t* draws, Meanwhile meanwhile) const {
    const uint64_t pieces = (size + kPiece - 1) / kPiece;
    parallel_for(1 + pieces, execution_, [&](uint64_t task) {
      if (task == 0) return meanwhile();
      const uint64_t done = (task - 1) * kPiece;
      draw_positions(begin + done, std::min(kPiece, size - done), draws + done);
    });
  }

  // In order, as far as still needed. `draws` has room for kAddsAhead more.
  void keep_unseen(int64_t* draws, uint64_t count) {
    std::fill_n(draws + count, kAddsAhead, 0);
    uint64_t found = found_;
    for (uint64_t i = 0; i < count && found < count_; ++i) {
      seen_->prefetch(static_cast<uint64_t>(draws[i + kAddsAhead]));
      out_[found] = draws[i];
      found += seen_->add(static_cast<uint64_t>(draws[i]));
    }
    found_ = found;
  }

  AliasTableView table_;
  Stream stream_;
  uint64_t first_position_, count_;
  int64_t* out_;
  SeenBitmap* seen_;
  const Execution& execution_;
  uint64_t chunk_;
  uint64_t found_ = 0;
};

}  // namespace

uint64_t draw_unseen(const AliasTableView& table, Stream stream, uint64_t first_position, uint64_t count, int64_t* out,
                     SeenBitmap* seen, const Execution& execution) {
  UnseenDraws draws(table, stream, first_position, count, out, seen, execution);
  const bool overlap = execution.threads > 1 && draws.chunk() >= kOverlapFrom;
  return overlap ? draws.run_overlapped() : draws.run();
}

}  // namespace pysampler
