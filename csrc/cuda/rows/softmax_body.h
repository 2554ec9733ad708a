// Weights from rows of logits: those of csrc/cpu/softmax, bit for bit. A block of threads to a row.
#pragma once

#include "core/softmax.h"
#include "cuda/team.h"

namespace pysampler::cuda {

template <class Logit>
struct SoftmaxRows {
  static constexpr uint32_t kThreads = 256;
  struct Shared {
    double largest[kThreads];
  };

  const Logit* logits;
  uint64_t columns;
  double* weights;

  template <class Team>
  PYSAMPLER_HOST_DEVICE void operator()(Team& team, Shared& shared) const {
    const uint64_t first = team.block() * columns;
    team.each([&](uint32_t thread) {
      double largest = double_from_bits(0xFFF0000000000000ull);  // -infinity
      for (uint64_t i = thread; i < columns; i += kThreads) {
        const auto logit = static_cast<double>(logits[first + i]);
        largest = logit > largest ? logit : largest;
      }
      shared.largest[thread] = largest;
    });
    const double largest = reduce(team, shared.largest, [](double a, double b) { return a > b ? a : b; });
    team.each([&](uint32_t thread) {
      for (uint64_t i = thread; i < columns; i += kThreads) {
        weights[first + i] = softmax_weight(static_cast<double>(logits[first + i]), largest);
      }
    });
  }
};

}  // namespace pysampler::cuda
