// Items grouped by class: for any number of threads what a sort by class gives, and wrong labels named.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "check.h"
#include "cpu/classes/class_members.h"
#include "random.h"

namespace pysampler {
namespace {

using Reason = InvalidLabel::Reason;

struct Labels {
  std::vector<int64_t> codes, offsets;  // no offsets: one label each

  LabelView view() const {
    const uint64_t items = offsets.empty() ? codes.size() : offsets.size() - 1;
    return {codes.data(), codes.size(), offsets.empty() ? nullptr : offsets.data(), items};
  }
};

using Membership = std::vector<std::pair<uint64_t, uint32_t>>;  // class and item

// By sorting.
Membership expected_members(const Labels& labels) {
  Membership members;
  const LabelView view = labels.view();
  for (uint64_t i = 0; i < view.items; ++i) {
    const uint64_t begin = view.offsets ? view.offsets[i] : i, end = view.offsets ? view.offsets[i + 1] : i + 1;
    for (uint64_t e = begin; e < end; ++e) members.emplace_back(view.codes[e], static_cast<uint32_t>(i));
  }
  std::sort(members.begin(), members.end());
  return members;
}

Membership found_members(const ClassMembers& grouped, uint64_t classes) {
  Membership members;
  for (uint64_t c = 0; c < classes; ++c) {
    const ClassRange range = grouped.ranges.as<ClassRange>()[c];
    for (uint64_t place = range.begin; place < uint64_t{range.begin} + range.size; ++place) {
      members.emplace_back(c, grouped.members.bytes() == 0 ? static_cast<uint32_t>(place)
                                                           : grouped.members.as<uint32_t>()[place]);
    }
  }
  return members;
}

void check_grouping(const Labels& labels, uint64_t classes, bool consecutive) {
  const Membership expected = expected_members(labels);
  for (const int threads : {1, 3}) {
    const ClassMembers grouped = group_by_class(labels.view(), classes, {threads, {}});
    CHECK(found_members(grouped, classes) == expected);
    CHECK((grouped.members.bytes() == 0) == consecutive);
    const uint32_t* const members = grouped.members.bytes() == 0 ? nullptr : grouped.members.as<uint32_t>();
    const uint64_t places = members == nullptr ? labels.view().items : labels.codes.size();
    CHECK(ranges_in_range({grouped.ranges.as<ClassRange>(), nullptr, classes}, places));
    CHECK(members == nullptr || members_in_range(members, places, labels.view().items, {threads, {}}));
  }
}

Labels random_labels(uint64_t items, uint64_t classes, uint64_t seed) {
  Random random(seed);
  Labels labels;
  for (uint64_t i = 0; i < items; ++i) labels.codes.push_back(static_cast<int64_t>(random.below(classes)));
  return labels;
}

void test_any_number_of_threads_groups_like_a_sort() {
  for (const uint64_t items : {1, 2, 1000, 150000}) {
    for (const uint64_t classes : {1, 2, 5000}) {
      check_grouping(random_labels(items, classes, items), classes, items <= 2 || classes == 1);
    }
  }
}

void test_classes_of_consecutive_items_need_no_members() {
  Labels labels = random_labels(140000, 50, 1);
  std::sort(labels.codes.begin(), labels.codes.end());
  check_grouping(labels, 60, true);  // the last ten are empty
  std::reverse(labels.codes.begin(), labels.codes.end());
  check_grouping(labels, 60, true);
  std::swap(labels.codes.front(), labels.codes.back());
  check_grouping(labels, 60, false);
}

void test_items_may_have_any_number_of_labels() {
  Random random(2);
  Labels labels = {{}, {0}};
  for (int i = 0; i < 140000; ++i) {
    for (int64_t c = 0; c < 5; ++c) {
      if (random.below(4) == 0) labels.codes.push_back(c);
    }
    labels.offsets.push_back(static_cast<int64_t>(labels.codes.size()));
  }
  check_grouping(labels, 5, false);
  check_grouping({{0, 0, 1, 1, 2}, {0, 1, 3, 4, 5, 5}}, 3, true);  // one item shared by two ranges, one without labels
}

InvalidLabel error_of(const Labels& labels, uint64_t classes, int threads = 1) {
  try {
    group_by_class(labels.view(), classes, {threads, {}});
  } catch (const InvalidLabel& error) {
    return error;
  }
  CHECK(!"an error");
  return {};
}

void test_labels_that_are_no_classes_are_named() {
  for (const int threads : {1, 4}) {
    for (const int64_t wrong : {int64_t{17}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
      Labels labels = random_labels(140000, 17, 3);
      labels.codes[100001] = labels.codes[130000] = wrong;
      const InvalidLabel error = error_of(labels, 17, threads);
      CHECK(error.reason == Reason::kOutOfRange);
      CHECK(error.item == 100001);
      CHECK(error.code == wrong);
    }
  }
}

void test_a_class_that_an_item_has_twice_is_named() {
  const InvalidLabel error = error_of({{0, 1, 2, 1}, {0, 1, 4}}, 3);
  CHECK(error.reason == Reason::kRepeated);
  CHECK(error.item == 1);
  CHECK(error.code == 1);
}

void test_offsets_that_lead_elsewhere_are_refused() {
  for (const std::vector<int64_t>& offsets :
       {std::vector<int64_t>{0, 5, 4}, {0, 2, 1}, {0, 1, 3}, {1, 2, 4}, {0, -1, 4}, {-5, 2, 4}, {0, INT64_MAX, 4}}) {
    const InvalidLabel error = error_of({{0, 1, 2, 0}, offsets}, 3);
    CHECK(error.reason == Reason::kOffsets);
  }
}

void test_damaged_members_are_found() {
  const std::vector<ClassRange> ranges = {{2, 0}, {1, 2}};
  CHECK(ranges_in_range({ranges.data(), nullptr, 2}, 3));
  CHECK(!ranges_in_range({ranges.data(), nullptr, 2}, 2));
  const std::vector<ClassRange> wrapping = {{0xFFFFFFFFu, 2}};
  CHECK(!ranges_in_range({wrapping.data(), nullptr, 1}, 1));
  std::vector<uint32_t> members(1100000, 5);
  CHECK(members_in_range(members.data(), members.size(), 6, {2, {}}));
  members[1099999] = 6;
  CHECK(!members_in_range(members.data(), members.size(), 6, {2, {}}));
}

void test_tables_that_lead_to_empty_classes_are_found() {
  const std::vector<ClassRange> ranges = {{2, 0}, {0, 2}};
  const auto sound = [&](std::vector<AliasEntry> entries) {
    return drawn_classes_filled({{entries.data(), 2}, {ranges.data(), nullptr, 2}});
  };
  CHECK(sound({full_slot(0), {0, 0}}));
  CHECK(!sound({full_slot(0), {1, 0}}));
  CHECK(!sound({{5, 1}, {0, 0}}));
}

void test_masses_are_weights_times_sizes() {
  const std::vector<ClassRange> ranges = {{3, 0}, {0, 3}, {5, 3}, {7, 8}};
  const auto masses = [&](std::vector<double> weights) {
    std::vector<double> found(4);
    class_masses({weights.data(), 4, WeightType::kFloat64}, ranges.data(), found.data());
    return found;
  };
  CHECK((masses({1, 2, 0.5, 0}) == std::vector<double>{3, 0, 2.5, 0}));
  const std::vector<double> extreme = masses({1.7e308, 1, 5e-324, 1e308});  // sums overflow, the smallest is kept
  CHECK(std::abs(extreme[0] / extreme[3] / (1.7 * 3 / 7) - 1) < 1e-14);
  CHECK(extreme[2] > 0 && extreme[1] == 0);
  const std::vector<float> floats = {1, 1, 0.25f, 0};
  std::vector<double> found(4);
  class_masses({floats.data(), 4, WeightType::kFloat32}, ranges.data(), found.data());
  CHECK((found == std::vector<double>{3, 0, 1.25, 0}));
}

void test_fingerprints_tell_memberships_apart() {
  const std::vector<ClassRange> ranges = {{2, 0}, {1, 2}}, others = {{1, 0}, {2, 1}};
  const std::vector<uint32_t> members = {0, 2, 1}, swapped = {2, 0, 1};
  const Fingerprint prints[] = {
      fingerprint({ranges.data(), nullptr, 2}, 3, 3),        fingerprint({others.data(), nullptr, 2}, 3, 3),
      fingerprint({ranges.data(), members.data(), 2}, 3, 3), fingerprint({ranges.data(), swapped.data(), 2}, 3, 3),
      fingerprint({ranges.data(), nullptr, 2}, 3, 4),
  };
  for (const Fingerprint& one : prints) {
    CHECK(std::count_if(std::begin(prints), std::end(prints),
                        [&](Fingerprint other) { return other.low == one.low || other.high == one.high; }) == 1);
  }
  std::vector<uint32_t> many(1100000);
  std::iota(many.begin(), many.end(), 0);
  const Fingerprint alone = fingerprint({ranges.data(), many.data(), 2}, many.size(), many.size());
  CHECK(fingerprint({ranges.data(), many.data(), 2}, many.size(), many.size(), {4, {}}).low == alone.low);
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_any_number_of_threads_groups_like_a_sort);
  RUN(test_classes_of_consecutive_items_need_no_members);
  RUN(test_items_may_have_any_number_of_labels);
  RUN(test_labels_that_are_no_classes_are_named);
  RUN(test_a_class_that_an_item_has_twice_is_named);
  RUN(test_offsets_that_lead_elsewhere_are_refused);
  RUN(test_damaged_members_are_found);
  RUN(test_tables_that_lead_to_empty_classes_are_found);
  RUN(test_masses_are_weights_times_sizes);
  RUN(test_fingerprints_tell_memberships_apart);
  return finish_tests();
}
