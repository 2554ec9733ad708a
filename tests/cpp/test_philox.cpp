// Philox4x32-10 against the known answers of its authors.
#include "check.h"
#include "core/philox.h"
#include "known_answers.h"

namespace pysampler {
namespace {

void test_philox_gives_the_known_answers_of_random123() {
  const auto rows = known_answers("philox_kat.txt");
  CHECK(rows.size() == 3);
  for (const auto& row : rows) {
    CHECK(row.size() == 10);
    uint64_t word[10];
    for (size_t i = 0; i < 10; ++i) word[i] = std::stoull(row.at(i), nullptr, 16);
    const PhiloxBlock counter = {word[0] | word[1] << 32, word[2] | word[3] << 32};
    const PhiloxBlock result = philox4x32_10(counter, word[4] | word[5] << 32);
    CHECK(result.low == (word[6] | word[7] << 32));
    CHECK(result.high == (word[8] | word[9] << 32));
  }
}

void test_every_bit_of_counter_and_key_matters() {
  const PhiloxBlock base = philox4x32_10({1, 2}, 3);
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t flip = uint64_t{1} << bit;
    for (const PhiloxBlock other :
         {philox4x32_10({1 ^ flip, 2}, 3), philox4x32_10({1, 2 ^ flip}, 3), philox4x32_10({1, 2}, 3 ^ flip)}) {
      CHECK(other.low != base.low && other.high != base.high);
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_philox_gives_the_known_answers_of_random123);
  RUN(test_every_bit_of_counter_and_key_matters);
  return finish_tests();
}
