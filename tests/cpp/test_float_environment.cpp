// Whatever floating-point behaviour the caller has set, weights are judged and tables built by the standard one.
#include <cfenv>
#include <cstring>
#include <functional>
#include <iterator>
#include <vector>

#include "cpu/multinomial/multinomial.h"
#include "cpu/runtime/float_environment.h"
#include "table_checks.h"
#include "targets.h"
#include "weight_families.h"

namespace pysampler {
namespace {

struct Environment {
  const char* name;
  std::function<void()> set;
};

std::vector<Environment> environments() {
  std::vector<Environment> all = {{"rounding up", [] { std::fesetround(FE_UPWARD); }},
                                  {"rounding towards zero", [] { std::fesetround(FE_TOWARDZERO); }}};
#if defined(__x86_64__)
  all.push_back({"flushing denormals to zero", [] { set_float_environment(float_environment() | 0x8040); }});
#elif defined(__aarch64__)
  all.push_back({"flushing denormals to zero", [] { set_float_environment(float_environment() | 1 << 24); }});
#endif
  return all;
}

// Runs `work` in the environment, and goes back to the usual one. The functions of <cfenv> alone will not do: those of
// mingw-w64 leave flushing to zero as it is.
void within(const Environment& environment, const std::function<void()>& work) {
  std::fenv_t usual;
  std::fegetenv(&usual);
  const FloatEnvironment usual_flushing = float_environment();
  const auto go_back = [&] {
    std::fesetenv(&usual);
    set_float_environment(usual_flushing);
  };
  environment.set();
  try {
    work();
  } catch (...) {
    go_back();
    throw;
  }
  go_back();
}

// What arithmetic gives that depends on the environment: bits, for so do comparisons of numbers.
std::vector<uint64_t> behaviour() {
  volatile const double one = 1, ten = 10, least = DBL_TRUE_MIN;  // 0.1 is not a double, the nearest is above
  const double results[] = {one / ten, -one / ten, least * one};
  std::vector<uint64_t> bits(std::size(results));
  memcpy(bits.data(), results, sizeof results);
  return bits;
}

void test_the_environment_of_the_caller_comes_back() {
  const std::vector<uint64_t> usual = behaviour();
  for (const Environment& environment : environments()) {
    within(environment, [&] {
      const std::vector<uint64_t> before = behaviour();
      CHECK(before != usual);
      std::vector<uint64_t> inside;
      parallel_for(1, {2, {}}, [&](uint64_t) { inside = behaviour(); });
      CHECK(inside == usual);
      CHECK(behaviour() == before);
    });
  }
}

void check_table(const Environment& environment, const WeightFamily& family, uint64_t items) {
  const std::vector<double> weights = family.weights(items);
  const std::vector<AliasEntry> expected = table_of(weights);
  bool equal = false;
  try {
    within(environment, [&] { equal = same_table(table_of(weights), expected); });
  } catch (const InvalidWeights&) {
  }
  if (!equal)
    std::fprintf(stderr, "%s, %llu items, %s\n", family.name.c_str(), static_cast<unsigned long long>(items),
                 environment.name);
  CHECK(equal);
}

void test_tables_do_not_depend_on_the_environment() {
  for (const Environment& environment : environments()) {
    for (const WeightFamily& family : weight_families()) {
      for (const uint64_t items : {1, 1000, 3000}) check_table(environment, family, items);
    }
  }
}

void test_denormal_weights_count_as_positive() {
  const std::vector<double> wide = {DBL_TRUE_MIN, 0, 1};
  const std::vector<float> narrow = {FLT_TRUE_MIN, 0, 1};
  for (const Environment& environment : environments()) {
    within(environment, [&] {
      CHECK(count_positive(view_of(wide)) == 2);
      CHECK(count_positive(view_of(narrow)) == 2);
    });
  }
}

void test_multinomial_draws_from_denormal_weights() {
  const std::vector<double> weights = {0, DBL_TRUE_MIN, 0};
  const MultinomialJob job = {{weights.data(), 1, 3, WeightType::kFloat64}, 5, true};
  for (const Environment& environment : environments()) {
    std::vector<int64_t> out(5);
    try {
      within(environment, [&] {
        Multinomial(job, {1, {}, Target::kPortable}).draw({1}, out.data(), {1, {}, Target::kPortable});
      });
    } catch (const InvalidRow&) {
    }
    CHECK(out == std::vector<int64_t>(5, 1));
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_the_environment_of_the_caller_comes_back);
  RUN(test_tables_do_not_depend_on_the_environment);
  RUN(test_denormal_weights_count_as_positive);
  RUN(test_multinomial_draws_from_denormal_weights);
  return finish_tests();
}
