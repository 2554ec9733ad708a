// One draw and one update at a time through the C++ face of the dynamic table: what a loop in C++ pays, without Python.
// All that the table needs is compiled into this file and, as in the extension, hidden: else nothing could be inlined.
#include <cstdint>

#include "cpu/dynamic/crown.cpp"
#include "cpu/dynamic/distinct_draws.cpp"
#include "cpu/dynamic/dynamic_table.cpp"
#include "cpu/dynamic/extremes.cpp"
#include "cpu/dynamic/mass_tree.cpp"
#include "cpu/dynamic/tree_kernels.cpp"
#include "cpu/runtime/fair_lock.cpp"
#include "cpu/runtime/memory.cpp"
#include "cpu/runtime/parallel.cpp"
#include "cpu/runtime/stretches.cpp"
#include "cpu/runtime/thread_team.cpp"
#include "cpu/simd/target.cpp"

#define SHOWN __attribute__((visibility("default")))

extern "C" SHOWN void* dynamic_make(const float* weights, int64_t items) {
  const pysampler::WeightView view = {weights, static_cast<uint64_t>(items), pysampler::WeightType::kFloat32};
  return new pysampler::DynamicTable(view, 0, nullptr, {});
}

extern "C" SHOWN void dynamic_free(void* table) { delete static_cast<pysampler::DynamicTable*>(table); }

extern "C" SHOWN void dynamic_ones(void* made, uint64_t seed, int64_t count, const float* weights) {
  auto& table = *static_cast<pysampler::DynamicTable*>(made);
  const pysampler::Stream stream = pysampler::make_stream(seed, 1);
  const pysampler::Execution execution;
  for (int64_t i = 0; i < count; ++i) {
    int64_t item;
    table.draw(stream, static_cast<uint64_t>(i), 1, 0, 1, &item, execution);
    table.update(&item, weights + i, 1, execution);
  }
}
