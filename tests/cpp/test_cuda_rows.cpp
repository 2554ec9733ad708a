// Draws from rows on a GPU, their passes run on the CPU over the grids that the launcher computes: the CPU's draws, bit for
// bit, in all three ways; and bad rows found.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "cpu/multinomial/multinomial.h"
#include "cuda/rows/rows_passes.h"
#include "gpu_build.h"
#include "random.h"
#include "table_checks.h"
#include "weight_families.h"

namespace pysampler {
namespace {

using cuda::RowsWay;
using cuda::ThreadOrder;

constexpr uint64_t kSeed = 0x123456789ABCDEFu;

template <class Weight>
struct Matrix {
  uint64_t rows, columns;
  std::vector<Weight> weights;

  WeightRows view() const { return {weights.data(), rows, columns, view_of(weights).type}; }
};

RowsWay gpu_way(uint64_t columns, uint64_t draws, bool replacement) {
  switch (way_of(columns, draws, replacement)) {
    case Way::kTable: return RowsWay::kTables;
    case Way::kWithoutReplacement: return RowsWay::kRace;
    default: return RowsWay::kShares;
  }
}

struct Drawn {
  cuda::RowsOutcome outcome;
  std::vector<int64_t> indices;
};

// What the host makes of race keys: the first of each row in their order, ties by index.
std::vector<int64_t> first_arrivals(const std::vector<int64_t>& keys, uint64_t rows, uint64_t columns, uint64_t draws) {
  std::vector<int64_t> out, order(columns);
  for (uint64_t row = 0; row < rows; ++row) {
    const int64_t* const own = keys.data() + row * columns;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return own[a] < own[b]; });
    for (uint64_t j = 0; j < draws; ++j) {
      out.push_back(static_cast<uint64_t>(own[order[j]]) <= kLargestKey ? order[j] : cuda::kNoDraw);
    }
  }
  return out;
}

template <class Weight>
Drawn draw_as_gpu(const Matrix<Weight>& matrix, uint64_t draws, bool replacement, cuda::Origin origin,
                  const cuda::StreamState* state = nullptr, ThreadOrder order = ThreadOrder::kForward) {
  const RowsWay way = gpu_way(matrix.columns, draws, replacement);
  const uint64_t entries = (matrix.columns + 1) / 2 * 2;
  std::vector<AliasEntry> tables(way == RowsWay::kTables ? matrix.rows * entries : 0, {0xDEADBEEFu, 0xFFFFFFFFu});
  AliasEntry* const table = tables.empty() ? nullptr : tables.data();
  cuda::Scratch sizes(nullptr, cuda::kRowAlignment);
  const WeightRows view = matrix.view();
  lay_out_rows(view.data, view.type, view.rows, view.columns, table, sizes);
  std::vector<uint64_t> memory(sizes.bytes() / sizeof(uint64_t) + 32, 0xA5A5A5A5A5A5A5A5u);
  cuda::Scratch scratch(memory.data(), cuda::kRowAlignment);
  const cuda::RowsJob rows = lay_out_rows(view.data, view.type, view.rows, view.columns, table, scratch);

  const auto nothing = [] {};
  CpuQueue<decltype(nothing)> queue = {order, nothing};
  cuda::queue_rows<Weight>(rows, way, 132, queue);
  Drawn drawn = {*rows.outcome, std::vector<int64_t>(view.rows * draws, -7)};
  if (way == RowsWay::kRace) {
    std::vector<int64_t> keys(view.rows * view.columns);
    cuda::queue_race_keys<Weight>(rows, origin, state, keys.data(), 132, queue);
    drawn.indices = first_arrivals(keys, view.rows, view.columns, draws);
  } else {
    cuda::queue_row_draws<Weight>(rows, way, {origin, state, draws, drawn.indices.data()}, 132, queue);
  }
  return drawn;
}

cuda::Origin beginning() { return {make_stream(kSeed, 0), 0}; }

template <class Weight>
void check_same(const Matrix<Weight>& matrix, uint64_t draws, bool replacement) {
  const Execution alone = {1, {}, active_target()};
  Multinomial job({matrix.view(), draws, replacement}, alone);
  std::vector<int64_t> expected(matrix.rows * draws);
  job.draw({kSeed}, expected.data(), alone);
  for (const ThreadOrder order : {ThreadOrder::kForward, ThreadOrder::kBackward}) {
    const Drawn drawn = draw_as_gpu(matrix, draws, replacement, beginning(), nullptr, order);
    CHECK(drawn.outcome.row == matrix.rows);
    const bool same = drawn.indices == expected;
    if (!same) {
      std::fprintf(stderr, "%d x %d, %d draws, replacement %d\n", static_cast<int>(matrix.rows),
                   static_cast<int>(matrix.columns), static_cast<int>(draws), replacement);
    }
    CHECK(same);
  }
}

template <class Weight>
Matrix<Weight> random_matrix(uint64_t rows, uint64_t columns, uint64_t seed) {
  Random random(seed);
  Matrix<Weight> matrix = {rows, columns, std::vector<Weight>(rows * columns)};
  for (Weight& weight : matrix.weights) weight = random.below(4) == 0 ? Weight(0) : static_cast<Weight>(random.uniform());
  for (uint64_t row = 0; row < rows; ++row) matrix.weights[row * columns + row % columns] = Weight(1);
  return matrix;
}

// Rows of one block and of several; each way that there is.
void test_all_shapes_draw_what_the_cpu_draws() {
  for (const uint64_t columns : {1, 2, 10, 63, 64, 65, 1000, 1024, 1025, 5000, 33000}) {
    for (const uint64_t draws : {1, 3, 64, 129, 300}) {
      const uint64_t rows = columns > 2000 ? 2 : 5;
      check_same(random_matrix<float>(rows, columns, columns + draws), draws, true);
      check_same(random_matrix<double>(rows, columns, columns + draws), draws, true);
    }
  }
}

void test_every_family_draws_what_the_cpu_draws() {
  for (const WeightFamily& family : weight_families()) {
    for (const uint64_t columns : {7, 200, 1500}) {
      Matrix<double> matrix = {3, columns, {}};
      for (int row = 0; row < 3; ++row) {
        const std::vector<double> own = family.weights(columns);
        matrix.weights.insert(matrix.weights.end(), own.begin(), own.end());
      }
      for (const uint64_t draws : {1, 20, 500}) check_same(matrix, draws, true);
      const auto positive = static_cast<uint64_t>(std::count_if(matrix.weights.begin(), matrix.weights.begin() + columns,
                                                                [](double weight) { return weight > 0; }));
      check_same(matrix, std::min<uint64_t>(positive, 20), false);
      if (!family.is_float32) continue;
      const Matrix<float> narrow = {3, columns, {matrix.weights.begin(), matrix.weights.end()}};
      check_same(narrow, 20, true);
      check_same(narrow, std::min<uint64_t>(positive, 20), false);
    }
  }
}

void test_without_replacement_the_race_is_the_cpus() {
  for (const uint64_t columns : {2, 10, 64, 1000, 5000}) {
    Matrix<float> narrow = random_matrix<float>(4, columns, columns);
    Matrix<double> wide = random_matrix<double>(4, columns, columns);
    for (float& weight : narrow.weights) weight += 0.5f;
    for (double& weight : wide.weights) weight += 0x1p-900;
    for (const uint64_t draws : {uint64_t{2}, columns / 2 + 1, columns}) {
      check_same(narrow, draws, false);
      check_same(wide, draws, false);
    }
  }
}

void test_huge_and_tiny_weights_draw_what_the_cpu_draws() {
  Random random(3);
  for (const double scale : {0x1p-1060, 0x1p-500, 0x1p500, 0x1p1000}) {
    for (const uint64_t columns : {5, 40, 1500}) {
      Matrix<double> matrix = {3, columns, std::vector<double>(3 * columns)};
      for (double& weight : matrix.weights) weight = (random.uniform() + 0.25) * scale;
      check_same(matrix, 1, true);
      check_same(matrix, 300, true);
      check_same(matrix, 4, false);
    }
  }
}

// A state in memory says where to begin; what a position is does not change.
void test_a_state_says_where_draws_begin() {
  const Matrix<float> matrix = random_matrix<float>(4, 50, 9);
  const cuda::StreamState state = {-5, 3, 40};
  const cuda::Origin same = {make_stream(static_cast<uint64_t>(-5), 3), 40};
  for (const bool replacement : {true, false}) {
    const Drawn from_state = draw_as_gpu(matrix, 6, replacement, {}, &state);
    CHECK(from_state.indices == draw_as_gpu(matrix, 6, replacement, same).indices);
    CHECK(from_state.indices != draw_as_gpu(matrix, 6, replacement, beginning()).indices);
  }
}

void test_rows_of_a_few_weights_need_little_memory() {
  cuda::Scratch sizes(nullptr, cuda::kRowAlignment);
  lay_out_rows(nullptr, WeightType::kFloat32, 1'000'000, 10, nullptr, sizes);
  CHECK(sizes.bytes() < 300'000'000);
}

void test_the_first_bad_row_is_found_and_nothing_is_drawn_from_it() {
  for (const uint64_t columns : {10, 1500}) {
    for (const uint64_t draws : {1, 600}) {
      Matrix<float> matrix = random_matrix<float>(600, columns, 4);
      matrix.weights[300 * columns + 3] = std::numeric_limits<float>::quiet_NaN();
      std::fill_n(matrix.weights.begin() + static_cast<std::ptrdiff_t>(500 * columns), columns, 0.0f);
      matrix.weights[550 * columns + 2] = -1.0f;
      const Drawn drawn = draw_as_gpu(matrix, draws, true, beginning());
      CHECK(drawn.outcome.row == 300);
      CHECK(drawn.outcome.outcome.invalid.reason == InvalidWeights::Reason::kNotFiniteOrNegative);
      CHECK(drawn.outcome.outcome.invalid.first_index == 3 && drawn.outcome.outcome.invalid.bad_count == 1);
      for (const uint64_t row : {300, 500, 550}) CHECK(drawn.indices[row * draws] == cuda::kNoDraw);
      CHECK(std::count(drawn.indices.begin(), drawn.indices.end(), cuda::kNoDraw) == static_cast<int64_t>(3 * draws));
    }
    Matrix<float> matrix = random_matrix<float>(5, columns, 4);
    std::fill_n(matrix.weights.begin() + static_cast<std::ptrdiff_t>(2 * columns), columns, 0.0f);
    matrix.weights[2 * columns + 1] = 1.0f;
    matrix.weights[3 * columns] = std::numeric_limits<float>::infinity();
    const Drawn drawn = draw_as_gpu(matrix, 2, false, beginning());
    CHECK(drawn.outcome.row == 3);
    CHECK(drawn.indices[4] == 1 && drawn.indices[5] == cuda::kNoDraw);  // one item runs, and comes first
    CHECK(drawn.indices[6] == cuda::kNoDraw && drawn.indices[7] == cuda::kNoDraw);
  }
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_all_shapes_draw_what_the_cpu_draws);
  RUN(test_every_family_draws_what_the_cpu_draws);
  RUN(test_without_replacement_the_race_is_the_cpus);
  RUN(test_huge_and_tiny_weights_draw_what_the_cpu_draws);
  RUN(test_a_state_says_where_draws_begin);
  RUN(test_rows_of_a_few_weights_need_little_memory);
  RUN(test_the_first_bad_row_is_found_and_nothing_is_drawn_from_it);
  return finish_tests();
}
