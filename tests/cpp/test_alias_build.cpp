// The arithmetic of table construction against exact integers.
#include <cfloat>
#include <cmath>
#include <vector>

#include "check.h"
#include "core/alias_build.h"
#include "random.h"

namespace pysampler {
namespace {

__extension__ typedef unsigned __int128 Uint128;

uint64_t exact_multiply_divide(uint64_t a, uint64_t b, uint64_t c) {
  return static_cast<uint64_t>(static_cast<Uint128>(a) * b / c);
}

// Random numbers of every size, and often close to a power of two.
uint64_t any_integer(Random& random, int most_bits) {
  const uint64_t mask = ~uint64_t{0} >> (64 - most_bits), bits = random.bits() & mask;
  switch (random.below(4)) {
    case 0:
      return bits;
    case 1:
      return bits >> random.below(most_bits);
    case 2:
      return ((uint64_t{1} << random.below(most_bits)) - random.below(3)) & mask;
    default:
      return mask - (bits >> random.below(most_bits));
  }
}

void test_every_item_lies_in_exactly_one_place_of_one_block() {
  for (const uint64_t items : {1, 15, 16, 17, 1023, 1024, 1025, 2048, 5000, 100003}) {
    const BlockLayout layout = block_layout(items);
    std::vector<int> times(items);
    for (uint64_t block = 0; block < layout.blocks; ++block) {
      for (uint64_t group = 0; group < kGroups; ++group) {
        const uint64_t start = layout.group_start(block, group), size = layout.group_size(start);
        CHECK(size <= kGroupItems);
        for (uint64_t i = 0; i < size; ++i) ++times.at(start + i);
      }
    }
    for (const int n : times) CHECK(n == 1);
  }
}

void test_the_layout_of_the_largest_table_reaches_its_end() {
  const BlockLayout layout = block_layout(kMaxItems);
  CHECK(layout.blocks == uint64_t{1} << 22);
  const uint64_t last = layout.group_start(layout.blocks - 1, kGroups - 1);
  CHECK(last == kMaxItems - 15 && layout.group_size(last) == 15);
}

void test_powers_of_two_and_exponents_invert_each_other() {
  for (int exponent = -1022; exponent <= 1023; ++exponent) {
    CHECK(power_of_two(exponent) == std::ldexp(1.0, exponent));
    CHECK(exponent_of(power_of_two(exponent)) == exponent);
    CHECK(exponent_of(std::nextafter(power_of_two(exponent) * 1.5, 0.0)) == exponent);
  }
  CHECK(exponent_of(DBL_MAX) == 1023);
}

void test_small_masses_are_floors_but_never_zero() {
  CHECK(small_mass(0.0) == 1 && small_mass(1e-300) == 1 && small_mass(0.999) == 1);
  CHECK(small_mass(1.0) == 1 && small_mass(1.999) == 1 && small_mass(2.0) == 2 && small_mass(63.999) == 63);
}

// After prescaling, 2^32 of the largest weight can be added, and what is lost is 2^-900 of the largest.
void test_prescaled_weights_are_far_from_overflow_and_underflow() {
  CHECK(prescale_for(1.0) == 1.0 && prescale_for(power_of_two(450)) == 1.0 && prescale_for(power_of_two(-450)) == 1.0);
  for (const double largest : {DBL_MAX, 1e300, power_of_two(451), power_of_two(450), 1.0, power_of_two(-450),
                               power_of_two(-451), DBL_MIN, DBL_TRUE_MIN}) {
    const double scaled = largest * prescale_for(largest);
    CHECK(scaled >= power_of_two(-480) && scaled <= power_of_two(480));
    CHECK(scaled / prescale_for(largest) == largest);
  }
}

void test_lanes_are_added_in_the_written_order() {
  const double tiny = power_of_two(-53);
  const double early[8] = {1, tiny, tiny, tiny, 0, 0, 0, 0};  // (1 + tiny) + (tiny + tiny)
  CHECK(sum_of_lanes(early) == 1 + 2 * tiny);
  const double late[8] = {1, 0, 0, 0, tiny, tiny, 0, 0};  // 1 + (tiny + tiny)
  CHECK(sum_of_lanes(late) == 1 + 2 * tiny);
  const double lost[8] = {1, tiny, 0, 0, tiny, 0, 0, 0};  // ((1 + tiny) + 0) + tiny
  CHECK(sum_of_lanes(lost) == 1);
}

// Floor of value * 2^exponent, exactly.
uint64_t exact_scaled(double value, int exponent) {
  int at;
  const uint64_t mantissa = static_cast<uint64_t>(std::ldexp(std::frexp(value, &at), 53));
  const int shift = at - 53 + exponent;
  if (shift >= 0) return mantissa << shift;
  return shift <= -64 ? 0 : mantissa >> -shift;
}

void test_aligned_sums_are_floors_of_exact_products() {
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    const int exponent = static_cast<int>(random.below(2001)) - 1000;
    const double largest = std::ldexp(1.0 + random.uniform(), exponent);
    const Alignment alignment = align_to(largest);
    const uint64_t top = alignment.integer(largest);
    CHECK(top >> 61 == 1 && top == exact_scaled(largest, alignment.exponent));
    const double other = std::ldexp(largest * random.uniform(), -static_cast<int>(random.below(80)));
    if (other >= DBL_MIN) CHECK(alignment.integer(other) == exact_scaled(other, alignment.exponent));
    CHECK(alignment.integer(0.0) == 0);
    CHECK(alignment.integer(DBL_TRUE_MIN) == 0);
  }
}

void test_wide_sums_carry_and_shift_like_128_bit_integers() {
  Random random(2);
  for (int round = 0; round < 2000; ++round) {
    WideSum sum = {0, 0};
    Uint128 exact = 0;
    for (int i = 0; i < 20; ++i) {
      const uint64_t term = any_integer(random, 64);
      sum = add(sum, term);
      exact += term;
    }
    CHECK(sum.low == static_cast<uint64_t>(exact) && sum.high == static_cast<uint64_t>(exact >> 64));
    for (int bits = 0; bits < 64; ++bits) CHECK(shift_right(sum, bits) == static_cast<uint64_t>(exact >> bits));
  }
}

void test_products_are_divided_exactly() {
  Random random(3);
  const uint64_t top = (uint64_t{1} << 63) - 1;
  CHECK(multiply_divide(top, ~uint64_t{0}, top) == ~uint64_t{0});
  CHECK(multiply_divide(top - 1, ~uint64_t{0}, top) == exact_multiply_divide(top - 1, ~uint64_t{0}, top));
  CHECK(multiply_divide(0, ~uint64_t{0}, 1) == 0 && multiply_divide(1, ~uint64_t{0}, 1) == ~uint64_t{0});
  for (int i = 0; i < 200000; ++i) {
    const uint64_t c = any_integer(random, 63) | 1, b = any_integer(random, 64);
    const uint64_t a = random.below(8) == 0 ? c : any_integer(random, 63) % c;
    CHECK(multiply_divide(a, b, c) == exact_multiply_divide(a, b, c));
  }
}

void check_quotas(uint64_t mass, const std::vector<uint64_t>& aligned, int exponent) {
  WideSum total = {0, 0};
  Uint128 exact_total = 0;
  for (const uint64_t sum : aligned) {
    total = add(total, sum);
    exact_total += sum;
  }
  const Quotas quotas = share_out(mass, total, {exponent});
  CHECK(quotas.mass == mass && quotas.total >> 63 == 0);
  CHECK(quotas.total == static_cast<uint64_t>(exact_total >> quotas.shift));
  CHECK(quotas.shift == 0 || quotas.total >> 62 == 1);  // shifted no more than needed
  const long double scale =
      std::ldexp(static_cast<long double>(mass) / static_cast<long double>(exact_total), exponent);
  CHECK(std::fabs(quotas.scale / scale - 1) < 0x1p-50L);

  WideSum cumulative = {0, 0};
  Uint128 exact_cumulative = 0;
  uint64_t before = 0;
  for (const uint64_t sum : aligned) {
    cumulative = add(cumulative, sum);
    exact_cumulative += sum;
    const uint64_t units = quotas.units_before(cumulative);
    const long double ideal = static_cast<long double>(exact_cumulative) / static_cast<long double>(exact_total) * mass;
    CHECK(units >= before && units <= mass);
    CHECK(std::fabs(units - ideal) <= 9 + ideal * 0x1p-60L);
    before = units;
  }
  CHECK(before == mass);
}

void test_quotas_share_out_all_of_the_mass() {
  Random random(4);
  const uint64_t all = kMaxItems * kSlotMass, one = uint64_t{1} << 61;
  check_quotas(kSlotMass, {one}, 0);
  check_quotas(all, {one}, 0);
  check_quotas(all, {2 * one - 1}, -500);
  check_quotas(all, std::vector<uint64_t>(100000, 2 * one - 1), 61);
  check_quotas(all, {one, 0, 0, 1, 0}, 500);
  check_quotas(1, {1, 1, one, 5}, 535);
  for (int round = 0; round < 300; ++round) {
    std::vector<uint64_t> aligned(1 + random.below(200));
    for (uint64_t& sum : aligned) sum = any_integer(random, 62);
    aligned[random.below(aligned.size())] = one + random.below(one);
    check_quotas((1 + random.below(kMaxItems)) * kSlotMass - random.below(1000), aligned,
                 static_cast<int>(random.below(1000)) - 460);
  }
}

// 2^22 blocks, each as large as can be: the sums need 84 bits.
void test_quotas_of_the_largest_table_add_up() {
  const uint64_t blocks = block_layout(kMaxItems).blocks, sum = (uint64_t{1} << 62) - 1;
  const Quotas quotas = share_out(kMaxItems * kSlotMass, {0 - blocks, (blocks >> 2) - 1}, {0});
  Uint128 exact = static_cast<Uint128>(sum) * blocks;
  CHECK(static_cast<uint64_t>(exact) == 0 - blocks && static_cast<uint64_t>(exact >> 64) == (blocks >> 2) - 1);
  CHECK(quotas.units_before({0 - blocks, (blocks >> 2) - 1}) == kMaxItems * kSlotMass);
  exact = static_cast<Uint128>(sum) * (blocks / 2);
  const uint64_t half = quotas.units_before({static_cast<uint64_t>(exact), static_cast<uint64_t>(exact >> 64)});
  const uint64_t ideal = kMaxItems * (kSlotMass / 2);
  CHECK((half > ideal ? half - ideal : ideal - half) <= 9);
}

void test_a_closed_heavy_keeps_what_it_has_not_given() {
  CHECK(closed_heavy(10, 11, 5).threshold == 0xFFFFFFFFu && closed_heavy(10, 11, 5).alias == 5);
  CHECK(closed_heavy(0, kSlotMass, 5).threshold == 0);
  CHECK(closed_heavy(~uint64_t{0} - kSlotMass, ~uint64_t{0} - 1, 5).threshold == 1);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_every_item_lies_in_exactly_one_place_of_one_block);
  RUN(test_the_layout_of_the_largest_table_reaches_its_end);
  RUN(test_powers_of_two_and_exponents_invert_each_other);
  RUN(test_small_masses_are_floors_but_never_zero);
  RUN(test_prescaled_weights_are_far_from_overflow_and_underflow);
  RUN(test_lanes_are_added_in_the_written_order);
  RUN(test_aligned_sums_are_floors_of_exact_products);
  RUN(test_wide_sums_carry_and_shift_like_128_bit_integers);
  RUN(test_products_are_divided_exactly);
  RUN(test_quotas_share_out_all_of_the_mass);
  RUN(test_quotas_of_the_largest_table_add_up);
  RUN(test_a_closed_heavy_keeps_what_it_has_not_given);
  return finish_tests();
}
