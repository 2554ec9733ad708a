#include "cpu/draw/look_up.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/alias_table.h"
#include "cpu/runtime/cache_sizes.h"

namespace pysampler {
namespace {

constexpr const char* kVariable = "PYSAMPLER_CPU_LOOKUP";
constexpr int kMostTargets = 8;
constexpr int kWays = 3;
constexpr const char* kNames[kWays] = {"loads", "gathers", "prefetched"};  // as LookUp has them

constexpr uint64_t kTrialDraws = 4096;  // of one way at a time: some microseconds
constexpr int kTrials = 6;              // of each; the quickest counts, for somebody else may run in between
static_assert(kTrials * kWays * kTrialDraws < kWorthMeasuring, "trials are part of the call");

// Larger tables are prefetched, measured or not: while the last-level cache has room for them, loads take a fifth less, but
// other processes share it, and then loads take twice as long.
constexpr uint64_t kSurelyFarItems = (uint64_t{2} << 20) / sizeof(AliasEntry);
constexpr double kClearly = 0.9;  // for the same reason loads must win by so much

// What was found, by the width of the number of items: 1 + the way, 0 before.
std::atomic<uint8_t>& found(uint64_t items, Target target) {
  static std::array<std::atomic<uint8_t>, 33> tables[kMostTargets];
  int width = 0;
  for (uint64_t rest = items; rest != 0; rest >>= 1) ++width;
  return tables[static_cast<size_t>(target) % kMostTargets][static_cast<size_t>(std::min(width, 32))];
}

// 1 + the way that the variable names, 0 if none.
int read_variable() {
  const char* const wanted = std::getenv(kVariable);
  if (wanted == nullptr || *wanted == '\0') return 0;
  for (int way = 0; way < kWays; ++way) {
    if (std::strcmp(kNames[way], wanted) == 0) return way + 1;
  }
  throw std::runtime_error(std::string(kVariable) + "=" + wanted + " is no way to look up; there are: loads gathers " +
                           "prefetched");
}

int ordered() {
  static const int way = read_variable();
  return way;
}

double seconds_of(const std::function<void(LookUp, uint64_t, uint64_t)>& draw, LookUp way, uint64_t first) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  draw(way, first, kTrialDraws);
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

LookUp look_up_for(uint64_t items, Target target) {
  if (ordered() != 0) return static_cast<LookUp>(ordered() - 1);
  const uint8_t known = found(items, target).load(std::memory_order_relaxed);
  if (known != 0) return static_cast<LookUp>(known - 1);
  return items * sizeof(AliasEntry) > kPrefetchAboveBytes ? LookUp::kPrefetched : LookUp::kLoads;
}

uint64_t measure_look_ups(uint64_t items, Target target,
                          const std::function<void(LookUp way, uint64_t first, uint64_t n)>& draw) {
  std::atomic<uint8_t>& result = found(items, target);
  if (ordered() != 0 || items > kSurelyFarItems || result.load(std::memory_order_relaxed) != 0) return 0;
  double least[kWays] = {1e9, 1e9, 1e9};
  uint64_t done = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    for (int way = 0; way < kWays; ++way, done += kTrialDraws) {
      least[way] = std::min(least[way], seconds_of(draw, static_cast<LookUp>(way), done));
    }
  }
  auto quickest = std::min_element(least, least + kWays) - least;
  const auto prefetched = static_cast<std::ptrdiff_t>(LookUp::kPrefetched);
  if (least[quickest] > kClearly * least[prefetched]) quickest = prefetched;
  result.store(static_cast<uint8_t>(quickest + 1), std::memory_order_relaxed);
  return done;
}

}  // namespace pysampler
