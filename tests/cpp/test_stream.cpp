// The layout of the stream, frozen: a failure here is a breaking change.
#include <set>

#include "check.h"
#include "core/stream.h"
#include "known_answers.h"

namespace pysampler {
namespace {

void test_the_stream_gives_its_frozen_words() {
  const auto rows = known_answers("stream_kat.txt");
  CHECK(rows.size() == 40);
  for (const auto& row : rows) {
    CHECK(row.size() == 5);
    const uint64_t seed = std::stoull(row.at(0), nullptr, 16), epoch = std::stoull(row.at(1));
    const Tag tag = static_cast<Tag>(std::stoi(row.at(2)));
    CHECK(stream_word(make_stream(seed, epoch, tag), std::stoull(row.at(3))) == std::stoull(row.at(4), nullptr, 16));
  }
}

void test_tags_keep_their_numbers() {
  CHECK(static_cast<int>(Tag::kDraw) == 0);
  CHECK(static_cast<int>(Tag::kClassPick) == 1);
  CHECK(static_cast<int>(Tag::kPermutation) == 2);
  CHECK(static_cast<int>(Tag::kSystematicOffset) == 3);
  CHECK(static_cast<int>(Tag::kRace) == 4);
  CHECK(static_cast<int>(Tag::kSeenBitmap) == 5);
  CHECK(static_cast<int>(Tag::kRepeatFactor) == 6);
  CHECK(static_cast<int>(Tag::kPadding) == 7);
  CHECK(static_cast<int>(Tag::kPaddingPick) == 8);
  CHECK(static_cast<int>(Tag::kClassOrder) == 9);
  CHECK(static_cast<int>(Tag::kClassDeck) == 10);
}

void test_the_tag_lies_above_every_epoch() {
  const uint64_t last_epoch = (uint64_t{1} << kEpochBits) - 1;
  CHECK(make_stream(5, last_epoch, Tag::kRace).counter_high == ((uint64_t{4} << 56) | last_epoch));
  CHECK(make_stream(5, 0).counter_high == 0);
  CHECK(make_stream(5, 0).seed == 5);
}

// Sixteen positions use the two halves of eight blocks: no half is used twice, none is left out.
void test_positions_and_block_halves_correspond_one_to_one() {
  for (const uint64_t start : {uint64_t{0}, uint64_t{1} << 32, (uint64_t{1} << 63) - 4096}) {
    std::set<uint64_t> halves;
    for (uint64_t i = 0; i < 4096; ++i) {
      const uint64_t half = 2 * stream_block(start + i) + stream_takes_high_half(start + i);
      CHECK(half >= start && half < start + 4096);
      halves.insert(half);
    }
    CHECK(halves.size() == 4096);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_the_stream_gives_its_frozen_words);
  RUN(test_tags_keep_their_numbers);
  RUN(test_the_tag_lies_above_every_epoch);
  RUN(test_positions_and_block_halves_correspond_one_to_one);
  return finish_tests();
}
