// The bodies of the draw kernels, run thread by thread on the CPU over the grid that the launcher computes, against
// draws made one by one and by the CPU's kernels.
#include <limits>
#include <vector>

#include "check.h"
#include "cpu/draw/draw.h"
#include "cuda/draw_body.h"
#include "draw_reference.h"

namespace pysampler {
namespace {

using cuda::AdvanceBody;
using cuda::advance_grid;
using cuda::draw_grid;
using cuda::DrawBody;
using cuda::Grid;
using cuda::run_on_cpu;
using cuda::StreamState;

constexpr uint64_t kGuard = 3;  // entries before and behind the output, which must stay as they are
constexpr uint32_t kMultiprocessors[] = {1, 132};

struct Request {
  const std::vector<AliasEntry>& table;
  uint64_t seed, epoch, start, step, count;
  uint64_t misalignment;  // of the output, in entries
};

template <class Index>
std::vector<Index> with_guards(const Request& request, uint32_t multiprocessors, StreamState* state) {
  const uint64_t before = kGuard + request.misalignment;
  std::vector<Index> memory(before + request.count + kGuard, Index{-7});
  DrawBody<Index> body = {};
  body.table = request.table.data();
  body.items = static_cast<uint32_t>(request.table.size());
  if (state == nullptr) {
    body.origin = {make_stream(request.seed, request.epoch), request.start};
  } else {
    *state = {static_cast<int64_t>(request.seed), static_cast<int64_t>(request.epoch),
              static_cast<int64_t>(request.start)};
    body.state = state;
  }
  body.step = request.step;
  body.count = request.count;
  body.out = memory.data() + before;
  run_on_cpu(body, draw_grid(request.count, multiprocessors));
  for (uint64_t i = 0; i < before; ++i) CHECK(memory[i] == -7);
  for (uint64_t i = 0; i < kGuard; ++i) CHECK(memory[before + request.count + i] == -7);
  return std::vector<Index>(memory.begin() + static_cast<int64_t>(before), memory.end() - kGuard);
}

void check_all_ways(const Request& request) {
  const std::vector<int64_t> expected =
      draws_one_by_one(request.table.data(), request.table.size(), make_stream(request.seed, request.epoch),
                       request.start, request.step, request.count);
  const std::vector<int32_t> narrow(expected.begin(), expected.end());
  for (const uint32_t multiprocessors : kMultiprocessors) {
    StreamState state;
    CHECK(with_guards<int64_t>(request, multiprocessors, nullptr) == expected);
    CHECK(with_guards<int32_t>(request, multiprocessors, nullptr) == narrow);
    CHECK(with_guards<int64_t>(request, multiprocessors, &state) == expected);
    CHECK(with_guards<int32_t>(request, multiprocessors, &state) == narrow);
  }
}

void test_any_count_start_and_alignment_gives_the_draws_made_one_by_one() {
  const std::vector<AliasEntry> table = random_table(1001, 1);
  for (const uint64_t start : {0, 1, 2, 7, 8, 9, 15, 16, 100'003}) {
    for (const uint64_t count : {0, 1, 2, 3, 8, 15, 16, 17, 33, 1000}) {
      for (const uint64_t misalignment : {0, 1}) check_all_ways({table, 42, 3, start, 1, count, misalignment});
    }
  }
}

void test_any_step_gives_the_draws_made_one_by_one() {
  const std::vector<AliasEntry> table = random_table(513, 2);
  for (const uint64_t step : {2ull, 3ull, 7ull, 8ull, 16ull, 4096ull, (1ull << 40) + 1}) {
    for (const uint64_t start : {0ull, 5ull, 1ull << 33}) check_all_ways({table, ~0ull, 9, start, step, 777, 0});
  }
}

void test_the_last_positions_keys_and_epochs_are_within_reach() {
  const std::vector<AliasEntry> table = random_table(77, 3);
  const uint64_t end = uint64_t{1} << 63;
  const uint64_t last_epoch = (uint64_t{1} << kEpochBits) - 1;
  for (const uint64_t count : {1, 16, 100}) {
    check_all_ways({table, std::numeric_limits<uint64_t>::max(), last_epoch, end - count, 1, count, 0});
    check_all_ways({table, uint64_t{1} << 63, last_epoch, end - 5 * count, 5, count, 1});
  }
}

void test_positions_wrap_around_after_the_last_whatever_the_step() {
  const std::vector<AliasEntry> table = random_table(77, 6);
  for (const uint64_t back : {1, 7, 8, 9, 16, 17, 2048, 3000, 5000}) {
    for (const uint64_t step : {1, 3}) {
      for (const uint64_t misalignment : {0, 1}) {
        check_all_ways({table, 5, 2, uint64_t{0} - back * step, step, 7000, misalignment});
      }
    }
  }
}

// Whole tiles take the high half of a block's number as the same for all their draws; where it changes they may not.
void test_tiles_where_the_high_half_of_the_block_number_changes_draw_alike() {
  const std::vector<AliasEntry> table = random_table(991, 7);
  for (const uint64_t high : {uint64_t{1}, uint64_t{5}, uint64_t{1} << 30}) {
    const uint64_t changes = high << 33;  // the first position of block high * 2^32
    for (const uint64_t back : {0, 16, 1000, 2048, 2064, 6000, 6145}) {
      for (const uint64_t misalignment : {0, 1}) {
        check_all_ways({table, 8, 1, changes - back, 1, 9000, misalignment});
      }
    }
  }
}

void test_counts_around_whole_tiles_give_the_draws_made_one_by_one() {
  const std::vector<AliasEntry> table = random_table(3001, 8);
  constexpr uint64_t kTile = DrawBody<int64_t>::kTile;
  for (const uint64_t count : {kTile - 1, kTile, kTile + 1, 2 * kTile - 16, 2 * kTile, 2 * kTile + 17}) {
    for (const uint64_t start : {0, 1, 8, 15, 16}) {
      for (const uint64_t misalignment : {0, 1}) check_all_ways({table, 9, 0, start, 1, count, misalignment});
    }
  }
}

// Enough draws that each thread of the grid strides several times, on one multiprocessor and on many.
void test_threads_stride_over_outputs_larger_than_the_grid() {
  const std::vector<AliasEntry> table = random_table(100'000, 4);
  for (const uint64_t step : {1, 3}) {
    const Request request = {table, 7, 1, 11, step, 300'001, 1};
    const Grid grid = draw_grid(request.count, 1);
    CHECK(request.count > 2ull * DrawBody<int64_t>::kInFlight * grid.blocks * grid.threads);
    std::vector<int64_t> expected(request.count);
    draw({table.data(), table.size()}, make_stream(7, 1), {11, step, request.count}, expected.data());
    CHECK(with_guards<int64_t>(request, 1, nullptr) == expected);
    CHECK(with_guards<int64_t>(request, 132, nullptr) == expected);
  }
}

void test_the_grid_is_as_large_as_the_work_and_never_larger_than_the_device() {
  CHECK(draw_grid(0, 132).blocks == 0);
  CHECK(draw_grid(1, 132).blocks == 1);
  CHECK(draw_grid(1 << 20, 132).blocks > (1 << 20) / 8 / 256);
  CHECK(draw_grid(1 << 20, 132).blocks <= (1 << 20) / 8 / 256 + 1);
  CHECK(draw_grid(uint64_t{1} << 60, 132).blocks == 132 * 8);
  CHECK(draw_grid(uint64_t{1} << 60, 132).threads == 256);
}

void test_advancing_moves_the_position_once_and_nothing_else() {
  StreamState state = {-5, 6, 7};
  run_on_cpu(AdvanceBody{&state, 1000}, advance_grid());
  CHECK(state.seed == -5 && state.epoch == 6 && state.position == 1007);
}

void test_a_state_goes_on_where_the_last_draw_ended() {
  const std::vector<AliasEntry> table = random_table(50, 5);
  const std::vector<int64_t> expected = draws_one_by_one(table.data(), table.size(), make_stream(3, 2), 4, 1, 300);
  StreamState state = {3, 2, 4};
  std::vector<int64_t> found(300);
  for (uint64_t done = 0; done < 300; done += 100) {
    DrawBody<int64_t> body = {table.data(), 50, {}, &state, 1, 100, found.data() + done};
    run_on_cpu(body, draw_grid(100, 2));
    run_on_cpu(AdvanceBody{&state, 100}, advance_grid());
  }
  CHECK(found == expected);
  CHECK(state.position == 304);
}

template <class Index>
void check_draw_and_advance(cuda::ThreadOrder order) {
  const std::vector<AliasEntry> table = random_table(50, 5);
  for (const uint64_t count : {1, 33, 1000, 2032, 2048}) {
    for (const uint64_t step : {1, 4}) {
      for (const uint64_t start : {uint64_t{4}, uint64_t{0} - 5 * step, (uint64_t{1} << 33) - 16}) {
        const std::vector<int64_t> wide =
            draws_one_by_one(table.data(), 50, make_stream(3, 2), start, step, count);
        StreamState state = {3, 2, static_cast<int64_t>(start)};
        std::vector<Index> found(count);
        DrawBody<Index> body = {table.data(), 50, {}, &state, step, count, found.data()};
        CHECK(count <= cuda::DrawAndAdvance<Index>::kMostDraws);
        run_team_on_cpu(cuda::DrawAndAdvance<Index>{body, &state}, 1, order);
        CHECK(std::vector<int64_t>(found.begin(), found.end()) == wide);
        CHECK(state.seed == 3 && state.epoch == 2 && static_cast<uint64_t>(state.position) == start + count * step);
      }
    }
  }
}

void test_small_draws_move_the_state_on_in_the_same_launch_whatever_the_order_of_threads() {
  for (const cuda::ThreadOrder order : {cuda::ThreadOrder::kForward, cuda::ThreadOrder::kBackward}) {
    check_draw_and_advance<int64_t>(order);
    check_draw_and_advance<int32_t>(order);
  }
}

void test_an_epoch_beyond_its_bits_never_reaches_the_tag() {
  const StreamState state = {1, -1, 0};
  CHECK(cuda::origin_of(state).stream.counter_high == (uint64_t{1} << kEpochBits) - 1);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_any_count_start_and_alignment_gives_the_draws_made_one_by_one);
  RUN(test_any_step_gives_the_draws_made_one_by_one);
  RUN(test_the_last_positions_keys_and_epochs_are_within_reach);
  RUN(test_positions_wrap_around_after_the_last_whatever_the_step);
  RUN(test_tiles_where_the_high_half_of_the_block_number_changes_draw_alike);
  RUN(test_counts_around_whole_tiles_give_the_draws_made_one_by_one);
  RUN(test_threads_stride_over_outputs_larger_than_the_grid);
  RUN(test_the_grid_is_as_large_as_the_work_and_never_larger_than_the_device);
  RUN(test_advancing_moves_the_position_once_and_nothing_else);
  RUN(test_a_state_goes_on_where_the_last_draw_ended);
  RUN(test_small_draws_move_the_state_on_in_the_same_launch_whatever_the_order_of_threads);
  RUN(test_an_epoch_beyond_its_bits_never_reaches_the_tag);
  return finish_tests();
}
