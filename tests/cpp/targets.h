// Running a test once per instruction set. What this processor lacks is reported, never passed over in silence.
#pragma once

#include <algorithm>
#include <vector>

#include "check.h"
#include "cpu/simd/target.h"

constexpr pysampler::Target kOfThisArchitecture[] = {
    pysampler::Target::kPortable,
#if defined(__aarch64__)
    pysampler::Target::kNeon,
#else
    pysampler::Target::kSse2, pysampler::Target::kAvx2, pysampler::Target::kAvx512,
#endif
};

template <class Test>
void for_each_target(Test test) {
  using pysampler::Target;
  static bool reported = false;
  const std::vector<Target> supported = pysampler::supported_targets();
  for (const Target target : kOfThisArchitecture) {
    if (std::find(supported.begin(), supported.end(), target) != supported.end()) {
      test(target);
    } else if (!reported) {
      skip(pysampler::target_name(target), "not supported by this processor");
    }
  }
  reported = true;
}
