#include "cpu/simd/target.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string>

namespace pysampler {
namespace {

constexpr const char* kVariable = "PYSAMPLER_CPU_TARGET";

struct Row {
  Target target;
  const char* name;
  bool (*is_supported)();
};

// Best first; for_each_target.h compiles the kernels of each.
constexpr Row kRows[] = {
#if PYSAMPLER_X86_KERNELS
    {Target::kAvx512, "avx512",
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
     }},
    {Target::kAvx2, "avx2", [] { return __builtin_cpu_supports("avx2") != 0; }},
#endif
#if PYSAMPLER_SSE2_KERNELS
    {Target::kSse2, "sse2", [] { return true; }},
#endif
#if PYSAMPLER_NEON_KERNELS
    {Target::kNeon, "neon", [] { return true; }},
#endif
    {Target::kPortable, "portable", [] { return true; }},
};

}  // namespace

const char* target_name(Target target) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows), [=](const Row& of) { return of.target == target; });
  return row == std::end(kRows) ? "unknown here" : row->name;
}

std::vector<Target> supported_targets() {
#if PYSAMPLER_X86_KERNELS
  __builtin_cpu_init();
#endif
  std::vector<Target> targets;
  for (const Row& row : kRows) {
    if (row.is_supported()) targets.push_back(row.target);
  }
  return targets;
}

Target choose_target() {
  const std::vector<Target> targets = supported_targets();
  const char* wanted = std::getenv(kVariable);
  if (wanted == nullptr || *wanted == '\0') return targets.front();
  const auto found = std::find_if(targets.begin(), targets.end(),
                                  [&](Target target) { return std::strcmp(target_name(target), wanted) == 0; });
  if (found != targets.end()) return *found;
  std::string message = std::string(kVariable) + "=" + wanted + " is unknown or unsupported here; supported:";
  for (const Target target : targets) message += std::string(" ") + target_name(target);
  throw std::runtime_error(message);
}

Target active_target() {
  static const Target target = choose_target();
  return target;
}

}  // namespace pysampler
