// Partitioned draws with several pieces and chunks, and with regions that overflow: without spare room about half of
// them do.
#include "cpu/draw/partitioned_draw.cpp"  // for its layout and its first pass; this program draws with this copy

#include "check.h"
#include "cpu/draw/draw.h"
#include "draw_reference.h"
#include "targets.h"

namespace pysampler {
namespace {

const Stream kStream = make_stream(99, 1);
constexpr uint64_t kItems = 4000000;

const std::vector<AliasEntry>& table() {
  static const std::vector<AliasEntry> entries = random_table(kItems, 1);
  return entries;
}

std::vector<int64_t> direct(uint64_t start, uint64_t count) {
  std::vector<int64_t> out(count);
  draw({table().data(), kItems}, kStream, {start, 1, count}, out.data(), {2, {}}, Evaluation::kDirect);
  return out;
}

void test_many_pieces_and_chunks_equal_direct_draws() {
  const uint64_t count = 4 * kPieceDraws + 77;  // more than one chunk: 64 MiB of scratch hold three pieces
  CHECK(count * sizeof(uint64_t) > kMinScratchBytes);
  std::vector<int64_t> out(count);
  partitioned_draw({table().data(), kItems}, kStream, 3, count, out.data(), {2, {}});
  CHECK(out == direct(3, count));
}

void test_an_overflowing_region_is_noticed_and_never_written_beyond() {
  const Layout layout = choose_layout(kItems, 0);
  const uint64_t guard = 0xDDDDDDDDDDDDDDDDull;
  std::vector<uint64_t> points(layout.buckets * layout.capacity + 1, guard);  // ASan sees what is written beyond
  std::vector<uint16_t> bucket_of(kPieceDraws);
  Piece piece;
  piece.points = points.data();
  piece.bucket_of = bucket_of.data();
  piece.filled.resize(layout.buckets);
  append(layout, draw_kernels(Target::kPortable), kItems, kStream, 0, kPieceDraws, piece);
  CHECK(piece.overflowed);
  CHECK(points.back() == guard);
  uint64_t full = 0;
  for (const uint32_t filled : piece.filled) {
    CHECK(filled <= layout.capacity);
    full += filled > layout.capacity - kUnwatchedDraws;
  }
  CHECK(full > 0 && full < layout.buckets);
}

// All weight of the look is on one region: it must hold whatever comes between two looks.
void test_a_region_holds_all_that_comes_between_two_looks() {
  const Layout layout = choose_layout(1, kSpareDeviations);
  CHECK(layout.buckets == 1 && layout.capacity >= kPieceDraws + kUnwatchedDraws);
  for (const double spare : {0.0, kSpareDeviations}) CHECK(choose_layout(kItems, spare).capacity > kUnwatchedDraws);
}

void test_pieces_that_overflow_equal_direct_draws() {
  const uint64_t count = kPieceDraws + 50000;  // the first piece overflows, the second does not
  for (const int threads : {1, 2}) {
    std::vector<int64_t> out(count);
    partitioned_draw({table().data(), kItems}, kStream, 16, count, out.data(), {threads, {}},
                     0);
    CHECK(out == direct(16, count));
  }
}

void test_every_slot_has_a_bucket_and_there_are_not_too_many() {
  for (const uint64_t items : {uint64_t{1}, uint64_t{1} << 17, uint64_t{100000000}, uint64_t{1} << 31, kMaxItems}) {
    const Layout layout = choose_layout(items, kSpareDeviations);
    CHECK(layout.buckets <= kMaxBuckets);
    CHECK((items - 1) >> layout.shift < layout.buckets);
  }
}

void test_scratch_is_as_documented() {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t items = i == 0 ? kMinItems : kMinItems + random.below(kMaxItems - kMinItems + 1);
    const auto bytes = static_cast<double>(choose_layout(items, kSpareDeviations).bytes_per_piece());
    CHECK(bytes >= 10.7 * kPieceDraws && bytes <= 11.5 * kPieceDraws);
  }
}

void test_partitioning_pays_for_large_tables_and_many_draws_only() {
  for (const int threads : {1, 2}) {
    CHECK(!partitioned_draw_pays(1000, 1000000000, threads));
    CHECK(!partitioned_draw_pays(1000000000, 1000, threads));
    CHECK(partitioned_draw_pays(1000000000, 1000000000, threads));
  }
}

void test_several_threads_partition_larger_tables_only() {
  constexpr uint64_t kSome = 100'000'000;
  CHECK(partitioned_draw_pays(kSome, kSome / 2, 1) && !partitioned_draw_pays(kSome, kSome, 2));
  CHECK(partitioned_draw_pays(2 * kSome, kSome, 2));
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_many_pieces_and_chunks_equal_direct_draws);
  RUN(test_an_overflowing_region_is_noticed_and_never_written_beyond);
  RUN(test_a_region_holds_all_that_comes_between_two_looks);
  RUN(test_pieces_that_overflow_equal_direct_draws);
  RUN(test_every_slot_has_a_bucket_and_there_are_not_too_many);
  RUN(test_scratch_is_as_documented);
  RUN(test_partitioning_pays_for_large_tables_and_many_draws_only);
  RUN(test_several_threads_partition_larger_tables_only);
  return finish_tests();
}
