// Masses of weights in plain C++. Included by tree_kernel.inc, in a namespace of its own.

// masses[i] = mass_of(weights[i], scale), for i in [0, 16).
inline void masses_of(const float* weights, int scale, uint64_t* masses) {
  for (uint64_t i = 0; i < kChildren; ++i) masses[i] = mass_of(static_cast<double>(weights[i]), scale);
}
inline void masses_of(const double* weights, int scale, uint64_t* masses) {
  for (uint64_t i = 0; i < kChildren; ++i) masses[i] = mass_of(weights[i], scale);
}

// How many of eight ascending numbers are at most `unit`: mostly none or one.
inline uint64_t count_of_eight(const uint64_t* numbers, uint64_t unit) {
  uint64_t count = 0;
  while (count < 8 && numbers[count] <= unit) ++count;
  return count;
}

inline uint64_t child_of(const uint64_t* before, uint64_t unit) { return child_at(before, unit); }
inline void add_to(uint64_t* before, uint64_t child, uint64_t difference) { add_to_child(before, child, difference); }

// Which of a leaf's weights owns the unit.
template <class Weight>
inline uint64_t weight_at(const Weight* weights, int scale, uint64_t unit) {
  uint64_t masses[kChildren], end = 0, place = 0;
  masses_of(weights, scale, masses);
  for (uint64_t i = 0; i + 1 < kChildren; ++i) {
    end += masses[i];
    place += end <= unit;
  }
  return place;
}
