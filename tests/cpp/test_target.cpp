// Choosing an instruction set, and forcing one by the environment variable.
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "check.h"
#include "cpu/simd/target.h"
#include "targets.h"

namespace pysampler {
namespace {

constexpr const char* kVariable = "PYSAMPLER_CPU_TARGET";

// An empty value is as good as none to choose_target().
void set_variable(const char* value) {
#if defined(_WIN32)
  _putenv_s(kVariable, value);
#else
  setenv(kVariable, value, 1);
#endif
}

void unset_variable() {
#if defined(_WIN32)
  _putenv_s(kVariable, "");
#else
  unsetenv(kVariable);
#endif
}

std::string refusal_of(const char* name) {
  set_variable(name);
  try {
    choose_target();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

void test_targets_are_listed_best_first_and_end_with_portable() {
  const std::vector<Target> targets = supported_targets();
  CHECK(!targets.empty() && targets.back() == Target::kPortable);
  for (size_t i = 1; i < targets.size(); ++i) CHECK(static_cast<int>(targets[i - 1]) > static_cast<int>(targets[i]));
}

void test_the_best_target_is_the_default() {
  unset_variable();
  CHECK(choose_target() == supported_targets().front());
  set_variable("");
  CHECK(choose_target() == supported_targets().front());
}

void test_the_variable_forces_any_supported_target() {
  for_each_target([](Target target) {
    set_variable(target_name(target));
    CHECK(choose_target() == target);
  });
}

void test_unknown_and_unsupported_names_are_refused_with_the_supported_ones() {
  for (const char* name : {"sse9", "AVX2", "avx2 ", "portable,avx2"}) {
    const std::string message = refusal_of(name);
    CHECK(message.find(std::string("PYSAMPLER_CPU_TARGET=") + name) == 0);
    for (const Target target : supported_targets()) CHECK(message.find(target_name(target)) != std::string::npos);
  }
  for (const Target target : {Target::kNeon, Target::kSse2, Target::kAvx2, Target::kAvx512}) {
    bool supported = false;
    for (const Target other : supported_targets()) supported = supported || other == target;
    CHECK(supported == refusal_of(target_name(target)).empty());
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_targets_are_listed_best_first_and_end_with_portable);
  RUN(test_the_best_target_is_the_default);
  RUN(test_the_variable_forces_any_supported_target);
  RUN(test_unknown_and_unsupported_names_are_refused_with_the_supported_ones);
  return finish_tests();
}
