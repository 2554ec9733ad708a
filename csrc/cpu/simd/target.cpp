#include "cpu/simd/target.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace pysampler {
namespace {

constexpr const char* kVariable = "PYSAMPLER_CPU_TARGET";

bool is_supported(Target target) {
#if PYSAMPLER_X86_KERNELS
  __builtin_cpu_init();
  if (target == Target::kAvx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  }
  if (target == Target::kAvx2) return __builtin_cpu_supports("avx2");
#endif
  return target == Target::kPortable;
}

}  // namespace

const char* target_name(Target target) {
  switch (target) {
    case Target::kAvx512: return "avx512";
    case Target::kAvx2: return "avx2";
    case Target::kPortable: break;
  }
  return "portable";
}

std::vector<Target> supported_targets() {
  std::vector<Target> targets;
  for (const Target target : {Target::kAvx512, Target::kAvx2, Target::kPortable}) {
    if (is_supported(target)) targets.push_back(target);
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

}  // namespace pysampler
