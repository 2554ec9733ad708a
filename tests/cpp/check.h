// A test is a function with checks; a failed check prints itself and makes main() return 1. Checks belong to the main
// thread.
#pragma once

#include <cstdio>
#include <cstdlib>

inline int g_failures = 0;
inline int g_checks = 0;

#define CHECK(condition)                                                           \
  do {                                                                             \
    ++g_checks;                                                                    \
    if (!(condition)) {                                                            \
      ++g_failures;                                                                \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      if (g_failures > 20) std::exit(1);                                           \
    }                                                                              \
  } while (0)

// Whether `expression` throws an `Exception`, or something derived from it. Anything else thrown ends the program.
#define THROWS(expression, Exception) \
  ([&] {                              \
    try {                             \
      (void)(expression);             \
    } catch (const Exception&) {      \
      return true;                    \
    }                                 \
    return false;                     \
  }())

#define RUN(test)                                                              \
  do {                                                                         \
    const int before = g_failures;                                             \
    test();                                                                    \
    std::printf("%s %s\n", g_failures == before ? "ok    " : "FAILED", #test); \
    std::fflush(stdout);                                                       \
  } while (0)

// Says that something could not be tested here, and why.
inline void skip(const char* what, const char* why) {
  std::printf("skip   %s: %s\n", what, why);
  std::fflush(stdout);
}

inline int finish_tests() {
  std::printf("%d checks, %d failed\n", g_checks, g_failures);
  return g_failures == 0 ? 0 : 1;
}
