#include "weight_check.h"

#include <cmath>

namespace pysampler {
namespace {

template <class Weight>
uint64_t count_positive_of(const Weight* weights, uint64_t count) {
  uint64_t positive = 0, bad = 0;
  for (uint64_t i = 0; i < count; ++i) {
    positive += weights[i] > 0;
    bad += !(weights[i] >= 0) || !(weights[i] - weights[i] == 0);
  }
  if (bad != 0) {
    InvalidWeights error = {InvalidWeights::Reason::kNotFiniteOrNegative, 0, 0, bad};
    while (error.first_index + 1 < count && weights[error.first_index] >= 0 &&
           std::isfinite(weights[error.first_index])) {
      ++error.first_index;
    }
    error.first_value = weights[error.first_index];
    throw error;
  }
  if (positive == 0) throw InvalidWeights{InvalidWeights::Reason::kAllZero};
  return positive;
}

}  // namespace

uint64_t count_positive(WeightView weights) {
  return weights.type == WeightType::kFloat32
             ? count_positive_of(static_cast<const float*>(weights.data), weights.count)
             : count_positive_of(static_cast<const double*>(weights.data), weights.count);
}

}  // namespace pysampler
