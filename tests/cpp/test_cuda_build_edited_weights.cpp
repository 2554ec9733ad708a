// sanitizer: out-of-range float conversions are expected
// Weights that another stream edits between the passes of the GPU's construction: a refusal, or a table that can be
// drawn from; never an access outside, never a slot left unwritten.
#include <cmath>
#include <limits>
#include <vector>

#include "gpu_build.h"
#include "random.h"
#include "table_checks.h"
#include "weight_families.h"

namespace pysampler {
namespace {

using Limits = std::numeric_limits<double>;

const std::vector<double> kEdits = {0.0,   1.0,   0.5,    1e-9, 1e9,    -1.0, -1e-15, 1e20,
                                    1e300, 5e-324, -1e300, Limits::quiet_NaN(), Limits::infinity()};

// Counts of both ends of what an edit did, so that the test can tell that it tests something.
struct Ends {
  int refused = 0, built = 0;
};

// Sets one or several weights to `edit` before pass number `before`.
template <class Weight>
void check_edited(const std::vector<double>& originals, double edit, int before, uint64_t edits, Random& random,
                  Ends& ends) {
  std::vector<Weight> weights(originals.begin(), originals.end());
  int pass = 0;
  const GpuBuilt built = build_as_gpu(weights, cuda::ThreadOrder::kForward, 2, [&] {
    if (pass++ != before) return;
    for (uint64_t i = 0; i < edits; ++i) weights[random.below(weights.size())] = static_cast<Weight>(edit);
  });
  CHECK(pass > before);
  if (!built.outcome.is_good()) {
    ++ends.refused;
    return;
  }
  ++ends.built;
  for (const AliasEntry& entry : built.table) CHECK(entry.alias < weights.size());
}

void test_edits_between_the_passes_are_noticed_or_harmless() {
  Random random(1);
  Ends ends;
  for (const char* const name : {"uniform", "1e-30 to 1e30", "masses below one", "first outweighs all"}) {
    for (const WeightFamily& family : weight_families()) {
      if (family.name != name) continue;
      for (const uint64_t items : {3, 1000, 5000}) {
        const std::vector<double> weights = family.weights(items);
        for (const double edit : kEdits) {
          for (int before = 1; before < 8; ++before) {
            check_edited<float>(weights, edit, before, 1 + random.below(3), random, ends);
            check_edited<double>(weights, edit, before, 1 + random.below(items), random, ends);
          }
        }
      }
    }
  }
  CHECK(ends.refused > 100 && ends.built > 100);
}

// Weights that had to be prescaled may be ordinary ones, or none at all, when they are summed again.
void test_edits_of_weights_that_are_summed_twice_are_noticed() {
  for (const double edit : {0.0, -1.0, Limits::quiet_NaN(), Limits::infinity()}) {
    std::vector<double> weights(2000, 1e308);
    int pass = 0;
    const GpuBuilt built = build_as_gpu(weights, cuda::ThreadOrder::kForward, 2, [&] {
      if (pass++ == 2) std::fill(weights.begin(), weights.end(), edit);
    });
    CHECK(built.outcome.failed != 0 && built.outcome.invalid.reason == InvalidWeights::Reason::kChangedMeanwhile);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_edits_between_the_passes_are_noticed_or_harmless);
  RUN(test_edits_of_weights_that_are_summed_twice_are_noticed);
  return finish_tests();
}
