// Running a test once per instruction set. What this processor lacks is reported, never passed over in silence.
#pragma once

#include <algorithm>
#include <vector>

#include "check.h"
#include "cpu/simd/target.h"

template <class Test>
void for_each_target(Test test) {
  using pysampler::Target;
  static bool reported = false;
  const std::vector<Target> supported = pysampler::supported_targets();
  for (const Target target : {Target::kPortable, Target::kAvx2, Target::kAvx512}) {
    if (std::find(supported.begin(), supported.end(), target) != supported.end()) {
      test(target);
    } else if (!reported) {
      skip(pysampler::target_name(target), "not supported by this processor");
    }
  }
  reported = true;
}
