// What count_positive() accepts, and what it says about the rest.
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "cpu/table/weight_check.h"

namespace pysampler {
namespace {

template <class Weight>
WeightView view(const std::vector<Weight>& weights) {
  return {weights.data(), weights.size(), sizeof(Weight) == 4 ? WeightType::kFloat32 : WeightType::kFloat64};
}

template <class Weight>
InvalidWeights error_of(const std::vector<Weight>& weights) {
  try {
    count_positive(view(weights));
  } catch (const InvalidWeights& error) {
    return error;
  }
  return {InvalidWeights::Reason::kChangedMeanwhile};
}

template <class Weight>
void check_weights() {
  using Limits = std::numeric_limits<Weight>;
  using Reason = InvalidWeights::Reason;
  using Weights = std::vector<Weight>;
  CHECK(count_positive(view(Weights{1})) == 1);
  CHECK(count_positive(view(Weights{0, 2, Weight(-0.0), 3})) == 2);
  CHECK(count_positive(view(Weights{Limits::denorm_min(), 0, Limits::max(), Limits::min()})) == 3);
  CHECK(count_positive(view(Weights(100001, Weight(1)))) == 100001);

  CHECK(error_of(Weights{}).reason == Reason::kAllZero);
  CHECK(error_of(Weights{0}).reason == Reason::kAllZero);
  CHECK(error_of(Weights{0, Weight(-0.0), 0}).reason == Reason::kAllZero);
  for (const Weight bad :
       {Limits::infinity(), -Limits::infinity(), -Limits::denorm_min(), Weight(-0.5), -Limits::max()}) {
    for (size_t place = 0; place < 20; ++place) {
      Weights weights(20, Weight(1));
      weights[place] = bad;
      weights[19] = bad;
      const InvalidWeights error = error_of(weights);
      CHECK(error.reason == Reason::kNotFiniteOrNegative);
      CHECK(error.first_index == place);
      CHECK(error.first_value == static_cast<double>(bad));
      CHECK(error.bad_count == (place == 19 ? 1u : 2u));
    }
  }
  const InvalidWeights error = error_of(Weights{0, 0, Limits::quiet_NaN(), -1, Limits::infinity(), 0});
  CHECK(error.reason == Reason::kNotFiniteOrNegative);
  CHECK(error.first_index == 2 && std::isnan(error.first_value) && error.bad_count == 3);
}

void test_float32_weights_are_judged_rightly() { check_weights<float>(); }
void test_float64_weights_are_judged_rightly() { check_weights<double>(); }

void test_any_number_of_threads_says_the_same() {
  std::vector<float> weights(2500001, 1.0f);  // three tasks
  weights[5] = 0.0f;
  for (const int threads : {1, 2, 8}) CHECK(count_positive(view(weights), {threads, {}}) == 2500000);
  weights[2400000] = -1.0f;
  weights[1100000] = -2.0f;
  for (const int threads : {1, 2, 8}) {
    InvalidWeights found = {InvalidWeights::Reason::kAllZero};
    try {
      count_positive(view(weights), {threads, {}});
    } catch (const InvalidWeights& error) {
      found = error;
    }
    CHECK(found.first_index == 1100000 && found.first_value == -2 && found.bad_count == 2);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_float32_weights_are_judged_rightly);
  RUN(test_float64_weights_are_judged_rightly);
  RUN(test_any_number_of_threads_says_the_same);
  return finish_tests();
}
