// Keyed permutations: bijective, frozen, the same on every target, and as uniform as can be told.
#include "core/permutation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "check.h"
#include "cpu/permutation/elements_below.h"
#include "cpu/permutation/permuted_range.h"
#include "targets.h"

namespace pysampler {
namespace {

Permutation nth(uint64_t key, uint64_t index, uint64_t elements) {
  return make_permutation(make_stream(key, 0, Tag::kPermutation), index, elements);
}

bool is_bijection(const Permutation& permutation) {
  std::vector<bool> seen(permutation.elements);
  for (uint64_t element = 0; element < permutation.elements; ++element) {
    const uint64_t image = permute(permutation, element);
    if (image >= permutation.elements || seen[image]) return false;
    seen[image] = true;
  }
  return true;
}

void test_every_size_gives_a_bijection() {
  for (uint64_t elements = 1; elements <= 700; ++elements) CHECK(is_bijection(nth(elements, 3, elements)));
  for (const uint64_t elements : {4095, 4096, 4097, 10000, 65535, 65536, 65537, 1000003}) {
    CHECK(is_bijection(nth(7, 0, elements)));
  }
}

void test_the_largest_sizes_stay_inside() {
  for (const uint64_t elements : {(uint64_t{1} << 32) - 1, uint64_t{1} << 32, (uint64_t{1} << 40) + 1, kMaxPermuted}) {
    const Permutation permutation = nth(5, 1, elements);
    CHECK(uint64_t{permutation.rows} * permutation.columns >= elements);
    for (uint64_t i = 0; i < 1000; ++i) {
      CHECK(permute(permutation, i) < elements);
      CHECK(permute(permutation, elements - 1 - i) < elements);
    }
  }
}

void test_elements_are_found_from_their_images() {
  for (const uint64_t elements : {1, 2, 20, 64, 65, 81, 90, 4096, 5000, 65536}) {
    for (uint64_t index = 0; index < 4; ++index) {
      const Permutation permutation = nth(11, index, elements);
      bool same = true;
      for (uint64_t i = 0; i < elements; ++i) same &= element_at(permutation, permute(permutation, i)) == i;
      CHECK(same);
    }
  }
  for (const uint64_t elements : {(uint64_t{1} << 32) + 1, kMaxPermuted}) {
    const Permutation permutation = nth(5, 1, elements);
    for (uint64_t i = elements - 1000; i < elements; ++i) CHECK(element_at(permutation, permute(permutation, i)) == i);
  }
}

void test_square_roots_are_rounded_up() {
  CHECK(square_root_up(1) == 1);
  CHECK(square_root_up(2) == 2);
  CHECK(square_root_up(uint64_t{1} << 62) == uint64_t{1} << 31);
  for (const uint64_t root : {3, 64, 65537, 1 << 30}) {
    CHECK(square_root_up(root * root) == root);
    CHECK(square_root_up(root * root - 1) == root);
    CHECK(square_root_up(root * root + 1) == root + 1);
  }
}

// A different result here is a breaking change.
void test_the_permutations_are_frozen() {
  const auto images = [](uint64_t elements) {
    const Permutation permutation = make_permutation(make_stream(42, 9, Tag::kPermutation), 2, elements);
    return std::vector<uint64_t>{permute(permutation, 0), permute(permutation, 1), permute(permutation, elements - 1)};
  };
  CHECK((images(5) == std::vector<uint64_t>{2, 3, 0}));
  CHECK((images(64) == std::vector<uint64_t>{49, 59, 52}));
  CHECK((images(65) == std::vector<uint64_t>{2, 54, 34}));
  CHECK((images(4096) == std::vector<uint64_t>{3149, 2809, 3516}));
  CHECK((images(5000) == std::vector<uint64_t>{714, 1416, 1056}));
  CHECK((images(1000000007) == std::vector<uint64_t>{470038057, 667606863, 511944451}));
  CHECK((images(1099511627776) == std::vector<uint64_t>{1060782643354, 878668786158, 779155778560}));
}

bool is_even(const Permutation& permutation) {
  std::vector<bool> seen(permutation.elements);
  uint64_t even_cycles = 0;
  for (uint64_t first = 0; first < permutation.elements; ++first) {
    uint64_t length = 0;
    for (uint64_t at = first; !seen[at]; at = permute(permutation, at), ++length) seen[at] = true;
    even_cycles += length != 0 && length % 2 == 0;
  }
  return even_cycles % 2 == 0;
}

// Odd squares, where rounds alone are always even; their neighbours, where few images cross the border; both sides of the
// border to shuffles.
const std::vector<uint64_t> kParitySizes = {2,   3,   5,   20,  63,  64,  65,  72,  73,  76,  79,  80,  81,  82, 90,
                                            99,  100, 110, 111, 115, 120, 121, 122, 168, 169, 170, 225, 288, 289,
                                            361, 440, 441, 529, 1088, 1089, 1090, 4095, 4096, 4097, 4225};

// How far the number of even permutations lies from half, in standard deviations.
double parity_z(uint64_t elements, uint64_t keys, bool swaps) {
  uint64_t even = 0;
  for (uint64_t key = 0; key < keys; ++key) {
    Permutation permutation = nth(key, 5, elements);
    if (!swaps) permutation.swapped = 0;
    even += is_even(permutation);
  }
  return std::abs(2.0 * static_cast<double>(even) - static_cast<double>(keys)) / std::sqrt(static_cast<double>(keys));
}

void test_even_and_odd_permutations_are_equally_likely() {
  for (const uint64_t elements : kParitySizes) CHECK(parity_z(elements, elements < 500 ? 6000 : 600, true) < 4.9);
}

// The test above would see rounds without the last step.
void test_rounds_alone_would_be_seen_in_the_parity() {
  for (const uint64_t elements : {76, 80, 81, 115, 121, 225, 289, 1089}) CHECK(parity_z(elements, 600, false) > 5);
  for (const uint64_t elements : {81, 121, 1089}) CHECK(parity_z(elements, 100, false) == 10);  // every one is even
}

// Elements that stay in their place, over many keys: Poisson with mean 1 but for terms of 1 / elements!.
void test_as_many_elements_stay_in_place_as_should() {
  constexpr int kKeys = 20000;
  for (const uint64_t elements : {64, 65, 76, 80, 81, 100, 121, 225, 289, 441}) {
    double counts[6] = {}, chance = std::exp(-1.0), left = 1, statistic = 0;
    for (uint64_t key = 0; key < kKeys; ++key) {
      const Permutation permutation = nth(key, 6, elements);
      uint64_t fixed = 0;
      for (uint64_t i = 0; i < elements; ++i) fixed += permute(permutation, i) == i;
      ++counts[std::min<uint64_t>(fixed, 5)];
    }
    for (int fixed = 0; fixed < 6; ++fixed) {
      const double expected = kKeys * (fixed == 5 ? left : chance);
      statistic += (counts[fixed] - expected) * (counts[fixed] - expected) / expected;
      left -= chance;
      chance /= fixed + 1;
    }
    CHECK(statistic < 35.9);  // chi-square of 5 degrees of freedom exceeds it once in 1e6
  }
}

// All places of two elements: chi-square at alpha about 1e-6 (z = 5 for many cells).
double pair_z(uint64_t elements, uint64_t one, uint64_t other, int keys) {
  std::vector<double> counts(elements * elements);
  for (int key = 0; key < keys; ++key) {
    const Permutation permutation = nth(1234567 + static_cast<uint64_t>(key), 0, elements);
    ++counts[permute(permutation, one) * elements + permute(permutation, other)];
  }
  const double cells = static_cast<double>(elements * (elements - 1)), expected = keys / cells;
  double statistic = 0;
  for (uint64_t i = 0; i < counts.size(); ++i) {
    if (i / elements == i % elements) {
      CHECK(counts[i] == 0);
    } else {
      statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
  }
  return (statistic - (cells - 1)) / std::sqrt(2 * (cells - 1));
}

void test_pairs_of_elements_go_everywhere_equally_often() {
  for (uint64_t elements = 2; elements <= 20; ++elements) {
    CHECK(pair_z(elements, 0, 1, 100000) < 6);
    CHECK(pair_z(elements, 0, elements - 1, 100000) < 6);
  }
  for (const uint64_t elements : {64, 65, 81, 100}) {  // both sides of the border between the two ways
    const uint64_t below = elements / 9;                // the next row of the grid
    CHECK(pair_z(elements, 0, 1, 300000) < 6);
    CHECK(pair_z(elements, 3, 3 + below, 300000) < 6);
  }
}

// The test above would see a network of two rounds.
void test_too_few_rounds_would_be_seen() {
  std::vector<double> counts(81 * 81);
  for (uint64_t key = 0; key < 300000; ++key) {
    Permutation permutation = nth(key, 0, 81);
    permutation.rounds = 2;
    ++counts[permute(permutation, 0) * 81 + permute(permutation, 9)];
  }
  double statistic = 0;
  for (uint64_t i = 0; i < counts.size(); ++i) {
    if (i / 81 != i % 81) statistic += (counts[i] - 300000 / 6480.0) * (counts[i] - 300000 / 6480.0) / (300000 / 6480.0);
  }
  CHECK((statistic - 6479) / std::sqrt(2 * 6479.0) > 50);
}

void test_every_target_gives_the_same() {
  for_each_target([](Target target) {
    for (const uint64_t elements : {uint64_t{1}, uint64_t{40}, uint64_t{65}, uint64_t{1000}, uint64_t{4097},
                                    uint64_t{10'000'000}, (uint64_t{1} << 32) + 12345, kMaxPermuted}) {
      const Permutation permutation = nth(99, 4, elements);
      for (const uint64_t step : {uint64_t{1}, uint64_t{3}, uint64_t{64}, uint64_t{100001}}) {
        const uint64_t start = elements / 3;
        const uint64_t count = std::min<uint64_t>(1000, (elements - 1 - start) / step + 1);
        std::vector<int64_t> out(count + 1, -1);
        permuted_range(permutation, {start, step, count}, out.data(), target);
        CHECK(out[count] == -1);
        for (uint64_t i = 0; i < count; ++i) {
          CHECK(static_cast<uint64_t>(out[i]) == permute(permutation, start + i * step));
        }
      }
    }
  });
}

void test_elements_below_a_bound_are_counted_from_their_images() {
  for_each_target([](Target target) {
    for (const uint64_t elements : {uint64_t{1}, uint64_t{40}, uint64_t{65}, uint64_t{66}, uint64_t{1000}, uint64_t{4096},
                                    uint64_t{65536}, (uint64_t{1} << 32) + 12345, kMaxPermuted}) {
      for (const uint64_t index : {0, 1, 2, 3}) {  // images 0 and 1 change places in some
        const Permutation permutation = nth(99, index, elements);
        for (const uint64_t first : {uint64_t{0}, uint64_t{1}, uint64_t{2}, elements / 3, elements - 1}) {
          for (uint64_t count : {0, 1, 8, 9, 32, 33, 65, 500}) {
            count = std::min(count, elements - std::min(first, elements));
            for (const uint64_t bound : {uint64_t{0}, elements / 2, elements}) {
              uint64_t expected = 0;
              for (uint64_t i = 0; i < count; ++i) expected += element_at(permutation, first + i) < bound;
              CHECK(elements_below(permutation, first, count, bound, target) == expected);
            }
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_every_size_gives_a_bijection);
  RUN(test_the_largest_sizes_stay_inside);
  RUN(test_elements_are_found_from_their_images);
  RUN(test_square_roots_are_rounded_up);
  RUN(test_the_permutations_are_frozen);
  RUN(test_even_and_odd_permutations_are_equally_likely);
  RUN(test_rounds_alone_would_be_seen_in_the_parity);
  RUN(test_as_many_elements_stay_in_place_as_should);
  RUN(test_pairs_of_elements_go_everywhere_equally_often);
  RUN(test_too_few_rounds_would_be_seen);
  RUN(test_every_target_gives_the_same);
  RUN(test_elements_below_a_bound_are_counted_from_their_images);
  return finish_tests();
}
