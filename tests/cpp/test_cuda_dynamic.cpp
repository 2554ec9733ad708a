// Updates and draws of dynamic tables as a GPU makes them, thread by thread on the CPU over the launcher's grid, forward
// and backward: after every batch the table is, word for word, what the CPU's is.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "cpu/dynamic/dynamic_table.h"
#include "cpu/dynamic/packed_table.h"
#include "cuda/dynamic/draw_body.h"
#include "cuda/dynamic/update_body.h"
#include "random.h"

namespace pysampler {
namespace {

using cuda::ThreadOrder;
using cuda::UpdateJob;
using cuda::UpdateState;
using cuda::Verdict;

template <class Body>
void run_in_order(const Body& body, cuda::Grid grid, ThreadOrder order) {
  const uint64_t threads = static_cast<uint64_t>(grid.blocks) * grid.threads;
  for (uint64_t i = 0; i < threads; ++i) {
    const uint64_t at = order == ThreadOrder::kForward ? i : threads - 1 - i;
    body(cuda::ThreadAt{static_cast<uint32_t>(at / grid.threads), static_cast<uint32_t>(at % grid.threads), grid});
  }
}

struct OrderedQueue {
  ThreadOrder order;
  template <class Body>
  void team(const Body& body, uint32_t blocks) {
    run_team_on_cpu(body, blocks, order);
  }
  template <class Body>
  void body(const Body& body, cuda::Grid grid) {
    CHECK(grid.threads == Body::kThreads);
    run_in_order(body, grid, order);
  }
};

template <class Weight>
constexpr WeightType type_of() {
  return sizeof(Weight) == 8 ? WeightType::kFloat64 : WeightType::kFloat32;
}

template <class Weight>
DynamicTable table_of(const std::vector<Weight>& weights, uint64_t capacity = 0) {
  return {{weights.data(), weights.size(), type_of<Weight>()}, capacity, nullptr, {}};
}

std::vector<uint64_t> packed(const DynamicTable& table) {
  std::vector<uint64_t> words(table.pack(nullptr, 0), 0xA5A5A5A5A5A5A5A5u);
  CHECK(table.pack(words.data(), words.size()) == words.size());
  CHECK(is_packed(words.data(), words.size()) && !is_packed(words.data(), words.size() - 1));
  return words;
}

// A packed table with what a GPU needs beside it.
template <class Weight>
struct OnGpu {
  std::vector<uint64_t> words;
  std::vector<uint32_t> claims;

  explicit OnGpu(const DynamicTable& table) : words(packed(table)), claims(header().capacity, 0) {}
  const PackedHeader& header() const { return *reinterpret_cast<const PackedHeader*>(words.data()); }

  // Without indices: appends.
  UpdateState update(const std::vector<int64_t>* indices, const std::vector<Weight>& weights, ThreadOrder order,
                     uint32_t multiprocessors) {
    UpdateState state = {};
    std::vector<uint32_t> places(weights.size());
    std::vector<Weight> copies(weights.size());
    UpdateJob job = {};
    job.words = words.data();
    job.claims = claims.data();
    job.indices = indices == nullptr ? nullptr : indices->data();
    job.first = header().items;
    job.weights = weights.data();
    job.count = weights.size();
    job.items = header().items + (indices == nullptr ? weights.size() : 0);
    job.places = places.data();
    job.copies = copies.data();
    job.state = &state;
    OrderedQueue queue = {order};
    cuda::queue_update<Weight>(job, multiprocessors, queue);
    CHECK(std::count(claims.begin(), claims.end(), 0u) == static_cast<int64_t>(claims.size()));
    return state;
  }
};

template <class Weight>
std::vector<Weight> random_weights(uint64_t count, Random& random) {
  std::vector<Weight> weights(count);
  for (Weight& weight : weights) {
    const double drawn = random.uniform() * std::exp2(static_cast<double>(random.below(20)));
    const uint64_t kind = random.below(8);
    weight = kind == 0 ? Weight{0} : kind == 1 ? -Weight{0} : static_cast<Weight>(drawn);
  }
  return weights;
}

// Batches with many duplicates, few and none; now and then one that needs another scale.
template <class Weight>
void check_updates(uint64_t items, ThreadOrder order, uint32_t multiprocessors) {
  Random random(items);
  DynamicTable table = table_of(random_weights<Weight>(items, random), items + items % 3 * 100);
  OnGpu<Weight> there(table);
  uint64_t scales = 0;
  for (int batch = 0; batch < 40; ++batch) {
    const uint64_t count = 1 + random.below(batch % 2 == 0 ? 3000 : 20);
    std::vector<int64_t> indices(count);
    for (int64_t& index : indices) index = static_cast<int64_t>(random.below(items));
    std::vector<Weight> weights = random_weights<Weight>(count, random);
    const int shift = batch % 10 == 5 ? 30 : batch % 10 == 8 ? -100 : 0;
    for (Weight& weight : weights) weight = static_cast<Weight>(std::ldexp(static_cast<double>(weight), shift));
    if (batch % 10 == 3) weights[0] = std::numeric_limits<Weight>::max();  // perhaps overwritten later in the batch
    const std::vector<uint64_t> before = there.words;
    const int scale = table.summary().scale;
    table.update(indices.data(), weights.data(), count, {});
    const UpdateState state = there.update(&indices, weights, order, multiprocessors);
    CHECK(state.bad == 0);
    CHECK((state.verdict == Verdict::kNewScale) == (table.summary().scale != scale));
    if (state.verdict == Verdict::kNewScale) {
      CHECK(there.words == before);
      there.words = packed(table);  // as Python does
      ++scales;
      continue;
    }
    CHECK(state.verdict == Verdict::kDone);
    CHECK(there.words == packed(table));
    const PackedHeader& now = state.header;
    CHECK(now.total == table.summary().total && now.positive == table.summary().positive && now.items == items);
    const Fingerprint own = fingerprint_of_table(now.sum, static_cast<int>(now.scale), now.items);
    CHECK(own.low == table.summary().fingerprint.low && own.high == table.summary().fingerprint.high);
  }
  CHECK(scales > 0 && scales < 30);
}

void test_after_any_batch_the_table_is_the_cpus_word_for_word() {
  for (const ThreadOrder order : {ThreadOrder::kForward, ThreadOrder::kBackward}) {
    for (const uint64_t items : {1, 2, 15, 16, 17, 255, 256, 257, 4097, 70'001}) {
      for (const uint32_t multiprocessors : {1u, 132u}) {
        check_updates<float>(items, order, multiprocessors);
        check_updates<double>(items, order, multiprocessors);
      }
    }
  }
}

void test_of_several_weights_for_one_item_the_last_place_counts() {
  for (const ThreadOrder order : {ThreadOrder::kForward, ThreadOrder::kBackward}) {
    OnGpu<float> there(table_of(std::vector<float>{1, 1, 1}));
    std::vector<int64_t> indices(5000, 1);
    std::vector<float> weights(5000);
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i % 7);
    there.update(&indices, weights, order, 132);
    DynamicTable table = table_of(std::vector<float>{1, 1, 1});
    const int64_t index = 1;
    const auto last = static_cast<float>(4999 % 7);
    table.update(&index, &last, 1, {});
    CHECK(there.words == packed(table));
  }
}

template <class Weight>
void check_bad(std::vector<int64_t> indices, std::vector<Weight> weights) {
  for (const ThreadOrder order : {ThreadOrder::kForward, ThreadOrder::kBackward}) {
    OnGpu<Weight> there(table_of(std::vector<Weight>{1, 2, 3, 4, 5}));
    const std::vector<uint64_t> before = there.words;
    const UpdateState state = there.update(&indices, weights, order, 1);
    CHECK(state.verdict == Verdict::kRefused && state.bad == 1);
    CHECK(there.words == before);
  }
}

void test_a_bad_batch_is_refused_and_changes_nothing() {
  for (const int64_t index : {int64_t{5}, int64_t{-1}, std::numeric_limits<int64_t>::min(), int64_t{1} << 32}) {
    check_bad<float>({0, index, 1}, {1, 1, 1});
    check_bad<double>({0, 1, index}, {1, 1, 1});
  }
  for (const double weight : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    check_bad<float>({0, 2, 1}, {1, static_cast<float>(weight), 1});
    check_bad<double>({0, 2, 2}, {1, weight, 1});  // overwritten in the batch: refused all the same, as on the CPU
  }
}

void test_appended_items_are_the_cpus() {
  Random random(5);
  for (const ThreadOrder order : {ThreadOrder::kForward, ThreadOrder::kBackward}) {
    DynamicTable table = table_of(std::vector<double>(100, 1.0), 2000);
    OnGpu<double> there(table);
    for (int batch = 0; batch < 20; ++batch) {
      std::vector<double> weights(1 + random.below(90));
      for (double& weight : weights) weight = 0.1 * random.uniform();  // the scale stays
      table.append(weights.data(), weights.size(), {});
      CHECK(there.update(nullptr, weights, order, 132).verdict == Verdict::kDone);
      CHECK(there.words == packed(table));
    }
    std::vector<double> wrong = {1, -1};
    CHECK(there.update(nullptr, wrong, order, 132).verdict == Verdict::kRefused);
    CHECK(there.words == packed(table));
  }
}

template <class Index>
std::vector<int64_t> drawn_there(const std::vector<uint64_t>& words, cuda::Origin origin, const cuda::StreamState* state,
                                 uint64_t step, uint64_t strata, uint64_t count) {
  std::vector<Index> out(count, -7);
  const cuda::DrawPacked<Index> body = {words.data(), words.size(), origin, state, step, strata, count, out.data()};
  run_on_cpu(body, cuda::grid_for(count, cuda::DrawPacked<Index>::kThreads, 1));
  return {out.begin(), out.end()};
}

template <class Weight>
void check_draws(uint64_t items) {
  Random random(items);
  std::vector<Weight> weights = random_weights<Weight>(items, random);
  weights[random.below(items)] = Weight{1};
  const DynamicTable table = table_of(weights, items + items % 3 * 1000);
  const std::vector<uint64_t> words = packed(table);
  const cuda::StreamState state = {-9, 7, 1001};
  const cuda::Origin origin = cuda::origin_of(state);
  for (const uint64_t count : {1, 300, 3000}) {
    for (const uint64_t step : {1, 3}) {
      for (const uint64_t strata : {uint64_t{0}, uint64_t{1}, uint64_t{7}, count}) {
        std::vector<int64_t> expected(count), here(count);
        table.draw(origin.stream, origin.position, step, strata, count, expected.data(), {});
        CHECK(drawn_there<int64_t>(words, origin, nullptr, step, strata, count) == expected);
        CHECK(drawn_there<int32_t>(words, {}, &state, step, strata, count) == expected);
        draw_packed(words.data(), words.size(), origin.stream, origin.position, step, strata, count, here.data(), {});
        CHECK(here == expected);
      }
    }
  }
}

void test_draws_are_the_cpus_whatever_the_size() {
  for (const uint64_t items : {1, 2, 15, 16, 17, 255, 256, 257, 4096, 4097, 65'536, 70'000}) {
    check_draws<float>(items);
    check_draws<double>(items);
  }
}

void test_without_a_positive_weight_draws_are_minus_one() {
  const std::vector<uint64_t> words = packed(table_of(std::vector<float>(100, 0.0f)));
  for (const uint64_t strata : {0, 5}) {
    CHECK(drawn_there<int64_t>(words, {make_stream(1, 0), 0}, nullptr, 1, strata, 10) == std::vector<int64_t>(10, -1));
  }
}

// What another stream's update may have left half done.
void test_draws_from_an_inconsistent_table_stay_in_it() {
  std::vector<uint64_t> words = packed(table_of(std::vector<float>(70'000, 1.0f), 70'000));
  auto* const header = reinterpret_cast<PackedHeader*>(words.data());
  header->total *= 3;
  for (const int64_t item : drawn_there<int64_t>(words, {make_stream(1, 0), 0}, nullptr, 1, 0, 5000)) {
    CHECK(item >= 0 && item < 70'000);
  }
}

void test_masses_are_the_tables() {
  Random random(4);
  const std::vector<double> weights = random_weights<double>(1000, random);
  const DynamicTable table = table_of(weights);
  const std::vector<uint64_t> words = packed(table);
  std::vector<uint64_t> expected(1000), found(1000);
  uint64_t total = 0;
  table.all_masses(1000, expected.data(), &total);
  run_on_cpu(cuda::MassesUnderScale<double>{words.data(), weights.data(), 1000, found.data()},
             cuda::grid_for(1000, cuda::MassesUnderScale<double>::kThreads, 1));
  CHECK(found == expected);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_after_any_batch_the_table_is_the_cpus_word_for_word);
  RUN(test_of_several_weights_for_one_item_the_last_place_counts);
  RUN(test_a_bad_batch_is_refused_and_changes_nothing);
  RUN(test_appended_items_are_the_cpus);
  RUN(test_draws_are_the_cpus_whatever_the_size);
  RUN(test_without_a_positive_weight_draws_are_minus_one);
  RUN(test_draws_from_an_inconsistent_table_stay_in_it);
  RUN(test_masses_are_the_tables);
  return finish_tests();
}
