// Bodies whose threads work together, through memory that a block of threads shares. As with the bodies of grid.h, a
// loop on the CPU can stand in for the GPU.
//
// Such a body is a struct of plain values with `static constexpr uint32_t kThreads`, a plain type `Shared` (the block's
// memory, contents unspecified at first) and `template <class Team> void operator()(Team& team, Shared& shared) const`,
// host and device. It works in steps:
//
//     team.each([&](uint32_t thread) { ... });     all threads, in any order; nobody goes on before all are done
//
// `Team::Own<T>` is a variable of each thread that outlives a step, own[thread]. Between steps, all threads do the same
// with the same values. What is read there, the next step must not write: some threads are ahead of others by then.
// `team.barrier()` parts the two.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

#include "core/macros.h"

namespace pysampler::cuda {

// In which order the CPU runs the threads of a step, and the blocks. A body that gives the same with both has no step
// where one thread's writes meet another's reads.
enum class ThreadOrder { kForward, kBackward };

template <uint32_t kThreadCount>
class CpuTeam {
 public:
  static constexpr uint32_t kThreads = kThreadCount;
  template <class T>
  struct Own {
    T values[kThreads];
    T& operator[](uint32_t thread) { return values[thread]; }
  };

  CpuTeam(uint32_t block, ThreadOrder order) : block_(block), order_(order) {}

  uint32_t block() const { return block_; }
  void barrier() {}
  template <class Step>
  void each(Step step) {
    for (uint32_t i = 0; i < kThreads; ++i) step(order_ == ThreadOrder::kForward ? i : kThreads - 1 - i);
  }

 private:
  uint32_t block_;
  ThreadOrder order_;
};

// Runs a body on the CPU, block by block, as a launch of so many blocks would.
template <class Body>
void run_team_on_cpu(const Body& body, uint32_t blocks, ThreadOrder order = ThreadOrder::kForward) {
  static_assert(std::is_trivially_copyable<typename Body::Shared>::value, "it lies in a GPU's shared memory");
  const std::unique_ptr<typename Body::Shared> shared(new typename Body::Shared);
  for (uint32_t i = 0; i < blocks; ++i) {
    std::memset(static_cast<void*>(shared.get()), 0xA5, sizeof *shared);  // nothing is left of the block before
    CpuTeam<Body::kThreads> team(order == ThreadOrder::kForward ? i : blocks - 1 - i, order);
    body(team, *shared);
  }
}

// The combination of values[thread] over all threads, for a combination that does not depend on the order.
template <class Team, class T, class Combine>
PYSAMPLER_HOST_DEVICE T reduce(Team& team, T* values, Combine combine) {
  static_assert((Team::kThreads & (Team::kThreads - 1)) == 0, "halved until one is left");
  for (uint32_t half = Team::kThreads / 2; half != 0; half /= 2) {
    team.each([&](uint32_t thread) {
      if (thread < half) values[thread] = combine(values[thread], values[thread + half]);
    });
  }
  const T all = values[0];
  team.barrier();
  return all;
}

// Sums of values[0] ... values[thread] (Hillis and Steele 1986), where there is room for two per thread; they end up in
// the half that is returned.
template <class Team, class T>
PYSAMPLER_HOST_DEVICE const T* prefix_sums(Team& team, T (&values)[2][Team::kThreads]) {
  uint32_t from = 0;
  for (uint32_t distance = 1; distance < Team::kThreads; distance *= 2) {
    team.each([&](uint32_t thread) {
      const T own = values[from][thread];
      values[1 - from][thread] = thread < distance ? own : add(values[from][thread - distance], own);
    });
    from = 1 - from;
  }
  return values[from];
}

}  // namespace pysampler::cuda
