// Keys of the exponential race, their codes, and the sorting of buckets.
#include "core/exponential_race.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

#include "check.h"
#include "cpu/without_replacement/bucket_sort.h"
#include "cpu/without_replacement/key_codes.h"
#include "cpu/without_replacement/race_keys.h"
#include "random.h"
#include "successive_reference.h"
#include "targets.h"

namespace pysampler {
namespace {

// -ln(1 - V) for V = (word + 1/2) / 2^64 in extended precision, from whichever of V and 1 - V is small.
long double exact_exponential(uint64_t word) {
  const long double uniform = (static_cast<long double>(word) + 0.5L) * 0x1p-64L;
  const long double complement = (static_cast<long double>(~word) + 0.5L) * 0x1p-64L;
  return uniform < 0.5L ? -log1pl(-uniform) : -logl(complement);
}

double relative_error(uint64_t word) {
  const long double exact = exact_exponential(word);
  return static_cast<double>(fabsl((exponential_of(word) - exact) / exact));
}

void test_the_logarithm_is_accurate_for_every_kind_of_word() {
  Random random(1);
  double worst = 0;
  for (int i = 0; i < 300000; ++i) {
    const uint64_t word = random.bits(), small = word >> random.below(64);
    // Where the reduced argument changes its octave: at V = 1 - sqrt(1/2) / 2^e.
    const uint64_t seam = static_cast<uint64_t>(0x0.B504F333F9DE6484p0L * 0x1p64L) >> random.below(60);
    const uint64_t near_seam = ~(seam + random.below(1 + (seam >> 20)) - (seam >> 21));
    for (const uint64_t w : {word, small, ~small, near_seam}) worst = std::max(worst, relative_error(w));
  }
  for (uint64_t w = 0; w < 4096; ++w) worst = std::max({worst, relative_error(w), relative_error(~w)});
  std::printf("       largest relative error of the logarithm: %.3g\n", worst);
  CHECK(worst > 1e-16 && worst < 3.8e-16);
}

void test_the_exponential_covers_its_range() {
  CHECK(exponential_of(0) == 0x1p-65);
  CHECK(exponential_of(~uint64_t{0}) > 45.05 && exponential_of(~uint64_t{0}) < 45.06);
  CHECK(std::abs(exponential_of(uint64_t{1} << 63) - std::log(2.0)) < 1e-15);
}

void test_keys_are_frozen() {
  const Stream stream = make_stream(0x0123456789ABCDEFull, 42, Tag::kRace);
  const uint64_t keys[4] = {0x3FD387087A122C36ull, 0x3FE08DF5AFE007B7ull, 0x3FE8774C5B5F73EAull, 0x3FB3E056DBBA1D26ull};
  for (uint64_t i = 0; i < 4; ++i) CHECK(race_key(stream_word(stream, 5 + 7 * i), 0.5 + i) == keys[i]);
}

// Keys are finite and normal over the whole range of weights, and in proportion to them but for weights more than
// 2^1915 times smaller than the largest.
void test_keys_neither_overflow_nor_vanish() {
  for (const double largest : {DBL_MAX, 1e300, 1.0, 1e-300, DBL_MIN, DBL_TRUE_MIN}) {
    const double scale = race_scale(bits_of(largest));
    CHECK(raced_weight(largest, scale) >= 0x1p-1015 && raced_weight(largest, scale) < 0x1p901);
    for (const double ratio : {1.0, 0x1p-1, 0x1p-500, 0x1p-1000}) {
      const double weight = largest * ratio;
      if (weight == 0) continue;
      for (const uint64_t word : {uint64_t{0}, ~uint64_t{0}}) {
        const double key = double_from_bits(race_key(word, raced_weight(weight, scale)));
        CHECK(std::isnormal(key) && key > 0);
      }
      CHECK(raced_weight(weight, scale) / raced_weight(largest, scale) == weight / largest);
    }
    const double smallest = double_from_bits(race_key(~uint64_t{0}, raced_weight(DBL_TRUE_MIN, scale)));
    CHECK(std::isnormal(smallest));
  }
}

void test_items_without_weight_do_not_run() {
  for (const double weight : {0.0, -0.0}) CHECK(race_key(7, raced_weight(weight, 2.0)) > kLargestKey);
  CHECK(race_key(7, raced_weight(DBL_TRUE_MIN, 1.0)) <= kLargestKey);
}

OwnedWeights mixed_weights(uint64_t items, WeightType type) {
  Random random(items);
  std::vector<double> values(items);
  for (double& value : values) value = random.below(5) == 0 ? (random.below(2) ? 0.0 : -0.0) : random.uniform();
  return OwnedWeights(values, type);
}

void check_kernels(Target target, WeightType type, bool with_seen) {
  const uint64_t items = 3000;
  const OwnedWeights weights = mixed_weights(items, type);
  std::vector<uint64_t> seen(items / 64 + 1);
  Random random(3);
  for (uint64_t& word : seen) word = random.bits() & random.bits();
  for (const uint64_t first_position : {uint64_t{0}, uint64_t{9}, (uint64_t{1} << 40) + 15}) {
    const Race race = {weights.view(),  race_scale_of(weights.view(), {}),    make_stream(9, 8, Tag::kRace),
                       first_position, with_seen ? seen.data() : nullptr, target};
    CHECK(race.scale == weights.scale());
    const auto key_of = [&](uint64_t item) {
      const bool is_out = with_seen && (seen[item / 64] >> item % 64 & 1) != 0;
      const uint64_t word = stream_word(race.stream, first_position + item);
      return is_out ? kDoesNotRun : race_key(word, raced_weight(weights[item], race.scale));
    };
    const uint64_t limit = bits_of(0.2 / weights.scale());
    for (const uint64_t begin : {0, 1, 16, 100}) {
      for (const uint64_t count : {1, 15, 16, 17, 33, 511, 512}) {
        std::vector<uint64_t> keys(count), few(count), at(count);
        std::vector<uint32_t> offsets(kRaceBlock), picked(count);
        race_keys(race, begin, count, keys.data());
        const uint64_t found = race_keys_up_to(race, begin, count, limit, offsets.data(), few.data());
        for (uint64_t i = 0; i < count; ++i) picked[i] = static_cast<uint32_t>(random.below(items));
        race_keys_at(race, picked.data(), count, at.data());
        uint64_t next = 0;
        for (uint64_t i = 0; i < count; ++i) {
          CHECK(keys[i] == key_of(begin + i) || (keys[i] > kLargestKey && key_of(begin + i) > kLargestKey));
          CHECK(at[i] == key_of(picked[i]) || (at[i] > kLargestKey && key_of(picked[i]) > kLargestKey));
          const bool is_found = next < found && offsets[next] == i;
          CHECK(is_found || keys[i] > limit);
          if (is_found) CHECK(few[next++] == keys[i]);
        }
        CHECK(next == found && found < 1 + count);
      }
    }
  }
}

void test_kernels_equal_the_definition() {
  for_each_target([](Target target) {
    for (const WeightType type : {WeightType::kFloat32, WeightType::kFloat64}) {
      check_kernels(target, type, false);
      check_kernels(target, type, true);
    }
  });
}

void test_codes_keep_the_order_of_keys() {
  Random random(5);
  std::vector<uint64_t> keys;
  for (int i = 0; i < 100000; ++i) keys.push_back(random.below(kLargestKey + 1));
  for (int i = 0; i < 100000; ++i) keys.push_back(race_key(random.bits(), 1.0));
  for (const uint64_t sampled : {0, 1, 1000, 200000}) {
    for (const uint64_t limit : {kLargestKey, bits_of(0.1)}) {
      const KeyCodes codes(keys.data(), sampled, limit);
      std::vector<uint64_t> sorted = keys;
      std::sort(sorted.begin(), sorted.end());
      for (uint64_t i = 1; i < sorted.size(); ++i) CHECK(codes.code(sorted[i - 1]) <= codes.code(sorted[i]));
    }
  }
}

void test_buckets_keep_every_record_and_sort_it() {
  for (const uint64_t records : {0, 1, 7, 8, 9, 63, 64, 65, 1000, 70000}) {
    for (const bool is_even : {true, false}) {
      Random random(records);
      RecordBuckets buckets(4, records);
      RecordWriter* writers[2] = {&buckets.add_writer(), &buckets.add_writer()};
      std::vector<std::vector<uint64_t>> expected(4);
      for (uint64_t i = 0; i < records; ++i) {
        const uint64_t record = is_even ? random.bits() : random.below(4) << 62 | random.below(300) << 31;
        writers[random.below(2)]->append(record >> 62, record);
        expected[record >> 62].push_back(record);
      }
      for (const RecordWriter* writer : writers) writer->publish();
      buckets.seal();
      CHECK(buckets.total() == records);
      BucketSorter sorter;
      for (uint64_t b = 0; b < 4; ++b) {
        std::sort(expected[b].begin(), expected[b].end());
        const uint64_t* sorted = sorter.sort(buckets.spans_begin(b), buckets.spans_end(b), buckets.size(b), 62, 20);
        CHECK(std::equal(expected[b].begin(), expected[b].end(), sorted, sorted + buckets.size(b)));
      }
    }
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_the_logarithm_is_accurate_for_every_kind_of_word);
  RUN(test_the_exponential_covers_its_range);
  RUN(test_keys_are_frozen);
  RUN(test_keys_neither_overflow_nor_vanish);
  RUN(test_items_without_weight_do_not_run);
  RUN(test_kernels_equal_the_definition);
  RUN(test_codes_keep_the_order_of_keys);
  RUN(test_buckets_keep_every_record_and_sort_it);
  return finish_tests();
}
