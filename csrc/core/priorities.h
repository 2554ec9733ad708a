// Priorities of replay: the weights that a table is given for them, and the corrections of losses for having drawn by
// them (Schaul et al. 2016).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace pysampler {

// The first least and the first greatest priority, and their places. Where `invalid` lies below the count, the priority
// there is NaN, infinite or negative, and nothing else holds.
struct PriorityRange {
  uint64_t invalid;
  double least;
  uint64_t least_at;
  double greatest;
  uint64_t greatest_at;
};

// weights[i] = (priorities[i] + eps)^alpha for count > 0 priorities; what is positive stays so.
template <class Float>
PriorityRange raise_priorities(const Float* priorities, uint64_t count, double eps, double alpha, Float* weights) {
  uint64_t least_at = 0, greatest_at = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const Float priority = priorities[i];
    if (!(priority >= 0 && priority <= std::numeric_limits<Float>::max())) return {i, 0, 0, 0, 0};
    const double base = static_cast<double>(priority) + eps;
    const auto weight = static_cast<Float>(std::pow(base, alpha));
    weights[i] = weight == 0 && base > 0 ? std::numeric_limits<Float>::denorm_min() : weight;
    if (priority < priorities[least_at]) least_at = i;
    if (priority > priorities[greatest_at]) greatest_at = i;
  }
  return {count, static_cast<double>(priorities[least_at]), least_at, static_cast<double>(priorities[greatest_at]),
          greatest_at};
}

// In place of count weights > 0: (least / weight)^beta, the least of them if `least` is negative.
template <class Float>
void correct_weights(Float* weights, uint64_t count, double least, double beta) {
  auto base = static_cast<Float>(least);
  if (least < 0) {
    base = std::numeric_limits<Float>::infinity();
    for (uint64_t i = 0; i < count; ++i) base = weights[i] < base ? weights[i] : base;
  }
  const auto exponent = static_cast<Float>(beta);
  for (uint64_t i = 0; i < count; ++i) weights[i] = std::pow(base / weights[i], exponent);
}

// Of a slot that comes several times the last priority counts. No two threads at once. Slots that another thread has
// made ones of no buffer since they were checked are left out.
template <class Float>
void put_priorities(Float* slots_priorities, uint64_t capacity, const int64_t* slots, const Float* priorities,
                    uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    const auto slot = static_cast<uint64_t>(slots[i]);
    if (slot < capacity) slots_priorities[slot] = priorities[i];
  }
}

}  // namespace pysampler
