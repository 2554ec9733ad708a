// Weights from logits: close to e^x, the same on every target, thread and device, and no numbers where logits are none.
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "core/softmax.h"
#include "cpu/softmax/softmax.h"
#include "cuda/rows/softmax_body.h"
#include "random.h"
#include "targets.h"

namespace pysampler {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void test_exponentials_are_close() {
  CHECK(exponential_below_zero(0.0) == 1.0);
  CHECK(exponential_below_zero(-708.5) == 0.0);
  CHECK(exponential_below_zero(-kInfinity) == 0.0);
  CHECK(std::isnan(exponential_below_zero(std::nan(""))));
  Random random(1);
  double worst = 0;
  for (int i = 0; i < 2'000'000; ++i) {
    const double x = -random.uniform() * (i % 2 == 0 ? 708.0 : 2.0);
    const long double exact = std::exp(static_cast<long double>(x));
    worst = std::max(worst, static_cast<double>(std::abs(exponential_below_zero(x) / exact - 1.0L)));
  }
  CHECK(worst < 0x1p-51);
}

template <class Logit>
std::vector<Logit> some_logits(uint64_t rows, uint64_t columns) {
  Random random(columns);
  std::vector<Logit> logits(rows * columns);
  for (Logit& logit : logits) {
    logit = static_cast<Logit>(random.below(9) == 0 ? -kInfinity : (random.uniform() - 0.5) * 100);
  }
  for (uint64_t row = 0; row < rows; ++row) logits[row * columns] = Logit(row);
  return logits;
}

template <class Logit>
void check_rows_of(uint64_t rows, uint64_t columns) {
  const std::vector<Logit> logits = some_logits<Logit>(rows, columns);
  const WeightType type = sizeof(Logit) == 4 ? WeightType::kFloat32 : WeightType::kFloat64;
  std::vector<double> expected(rows * columns);
  for (uint64_t row = 0; row < rows; ++row) {
    Logit largest = logits[row * columns];
    for (uint64_t i = 0; i < columns; ++i) largest = std::max(largest, logits[row * columns + i]);
    for (uint64_t i = row * columns; i < (row + 1) * columns; ++i) {
      expected[i] = softmax_weight(static_cast<double>(logits[i]), static_cast<double>(largest));
    }
  }
  for (const Target target : supported_targets()) {
    for (const int threads : {1, 3}) {
      std::vector<double> weights(rows * columns, -1);
      softmax_weights({logits.data(), rows, columns, type}, weights.data(), {threads, {}, target});
      CHECK(weights == expected);
    }
  }
  for (const cuda::ThreadOrder order : {cuda::ThreadOrder::kForward, cuda::ThreadOrder::kBackward}) {
    std::vector<double> weights(rows * columns, -1);
    run_team_on_cpu(cuda::SoftmaxRows<Logit>{logits.data(), columns, weights.data()}, static_cast<uint32_t>(rows), order);
    CHECK(weights == expected);
  }
}

void test_every_target_thread_and_device_gives_the_same() {
  for (const uint64_t columns : {1, 2, 7, 64, 1000, 40000}) {
    check_rows_of<float>(5, columns);
    check_rows_of<double>(5, columns);
  }
}

void test_rows_without_a_distribution_are_not_numbers() {
  for (const double bad : {kInfinity, std::nan("")}) {
    const std::vector<double> logits = {0.0, bad, -1.0};
    std::vector<double> weights(3);
    softmax_weights({logits.data(), 1, 3, WeightType::kFloat64}, weights.data(), {1, {}, active_target()});
    CHECK(std::isnan(weights[1]));
  }
  const std::vector<float> nothing(2, -std::numeric_limits<float>::infinity());
  std::vector<double> weights(2);
  softmax_weights({nothing.data(), 1, 2, WeightType::kFloat32}, weights.data(), {1, {}, active_target()});
  CHECK(std::isnan(weights[0]) && std::isnan(weights[1]));
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_exponentials_are_close);
  RUN(test_every_target_thread_and_device_gives_the_same);
  RUN(test_rows_without_a_distribution_are_not_numbers);
  return finish_tests();
}
