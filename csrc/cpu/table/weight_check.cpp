#include "cpu/table/weight_check.h"

#include <atomic>
#include <limits>
#include <type_traits>

#include "cpu/runtime/float_environment.h"

namespace pysampler {
namespace {

constexpr uint64_t kWeightsPerTask = 1 << 20;

// Counted in numbers as wide as a weight, and without a branch: then every compiler counts several at once.
template <class Weight>
using Count = std::conditional_t<sizeof(Weight) == 4, uint32_t, uint64_t>;
static_assert(kWeightsPerTask <= UINT32_MAX);

template <class Weight>
[[noreturn]] void throw_invalid(const Weight* weights, uint64_t count, uint64_t bad) {
  InvalidWeights error = {InvalidWeights::Reason::kNotFiniteOrNegative, 0, 0, bad};
  while (error.first_index + 1 < count && is_valid(weights[error.first_index])) ++error.first_index;
  error.first_value = weights[error.first_index];
  throw error;
}

template <class Weight>
uint64_t count_positive_of(const Weight* weights, uint64_t count, const Execution& execution) {
  std::atomic<uint64_t> all_positive{0}, all_bad{0};
  parallel_ranges(count, kWeightsPerTask, execution, [&](uint64_t begin, uint64_t end) {
    constexpr Weight kLargest = std::numeric_limits<Weight>::max();
    Count<Weight> positive = 0, good = 0;
    for (uint64_t i = begin; i < end; ++i) {
      positive += weights[i] > 0 ? 1 : 0;
      good += (weights[i] >= 0 ? 1 : 0) & (weights[i] <= kLargest ? 1 : 0);  // is_valid(), which may branch
    }
    const uint64_t bad = end - begin - good;
    all_positive += positive;
    all_bad += bad;
  });
  if (all_bad != 0) throw_invalid(weights, count, all_bad);
  if (all_positive == 0) throw InvalidWeights{InvalidWeights::Reason::kAllZero};
  return all_positive;
}

}  // namespace

uint64_t count_positive(WeightView weights, const Execution& execution) {
  const StandardFloats standard_floats;
  return weights.type == WeightType::kFloat32
             ? count_positive_of(static_cast<const float*>(weights.data), weights.count, execution)
             : count_positive_of(static_cast<const double*>(weights.data), weights.count, execution);
}

}  // namespace pysampler
