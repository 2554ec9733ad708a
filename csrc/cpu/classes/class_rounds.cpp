#include "cpu/classes/class_rounds.h"

#include <algorithm>

#include "core/class_rounds.h"
#include "core/permutation.h"
#include "cpu/permutation/successive_orders.h"

namespace pysampler {
namespace {

// The orders used last. Making one takes as long as some draws; a call returns to most of them many times.
class Orders {
 public:
  Orders(uint64_t seed, uint64_t classes, uint64_t draws) : seed_(seed) {
    // As many as the call is likely to come back to. More than 2^14 leave the second-level cache.
    const uint64_t most = std::clamp<uint64_t>(draws / 4, 128, 1 << 14);
    while (slots_ < classes && slots_ < most) slots_ *= 2;
    known_.resize(slots_, {kNobody, 0, {}});
  }

  uint64_t place(uint64_t of_class, uint64_t size, RoundPlace at) {
    if (size == 1) return 0;
    Known& known = known_[of_class & (slots_ - 1)];
    if (known.of_class != of_class || known.cycle != at.cycle) {
      known = {of_class, at.cycle, class_order(seed_, of_class, at.cycle, size)};
    }
    return permute(known.order, at.place);
  }

 private:
  static constexpr uint64_t kNobody = ~uint64_t{0};
  struct Known {
    uint64_t of_class;
    uint64_t cycle;
    Permutation order;
  };

  const uint64_t seed_;
  uint64_t slots_ = 1;
  std::vector<Known> known_;
};

}  // namespace

void UnderSampling::draw(uint64_t seed, uint64_t epoch, const Positions& positions, int64_t* out, Target target) const {
  const uint64_t draws = ends.back();
  Orders orders(seed, items.classes, positions.count);
  const auto item_of = [&](uint64_t number) {  // of the epoch's items in the order of classes
    const auto end = std::upper_bound(ends.begin(), ends.end(), number);
    const auto of_class = static_cast<uint64_t>(end - ends.begin());
    const uint64_t before = of_class == 0 ? 0 : ends[of_class - 1];
    const ClassRange range = items.ranges[of_class];
    const uint64_t quota = *end - before, size = range.size;
    const RoundPlace at = place_in_round(epoch, number - before, quota, size);
    // Where an epoch shows every item equally often, its order is no concern.
    const uint64_t place = quota % size == 0 ? at.place : orders.place(of_class, size, at);
    return item_at(items, range.begin + place);
  };
  successive_orders(make_stream(seed, epoch, Tag::kPermutation), draws, positions, out, target);
  for (uint64_t i = 0; i < positions.count; ++i) out[i] = item_of(static_cast<uint64_t>(out[i]));
}

Fingerprint UnderSampling::fingerprint() const {
  Fingerprint sum = {0, 0};
  for (uint64_t c = 0; c < ends.size(); ++c) sum = add(sum, fingerprint_of(ends[c], c));
  return combine(finish(sum, ends.size()), {kPermutationVersion, 0});
}

void MPerClassBatches::draw(uint64_t seed, uint64_t epoch, const Positions& positions, int64_t* out) const {
  const uint64_t classes = filled.size();
  Orders orders(seed, items.classes, positions.count);
  Permutation deck = {};
  uint64_t deck_cycle = 0, group = ~uint64_t{0}, round = 0, of_class = 0;  // no position has that group
  for (uint64_t i = 0; i < positions.count; ++i) {
    const uint64_t position = positions[i];
    if (position / per_class != group) {
      group = position / per_class;
      const Deal dealt = deal(epoch, batches_per_epoch, group / classes_per_batch, group % classes_per_batch,
                              classes_per_batch, classes);
      if (deck.elements == 0 || dealt.cycle != deck_cycle) deck = deck_order(seed, dealt.cycle, classes);
      deck_cycle = dealt.cycle;
      round = dealt.round;
      of_class = filled[permute(deck, dealt.place)];
    }
    const ClassRange range = items.ranges[of_class];
    const RoundPlace at = place_in_round(round, position % per_class, per_class, range.size);
    out[i] = item_at(items, range.begin + orders.place(of_class, range.size, at));
  }
}

Fingerprint MPerClassBatches::fingerprint() const {
  const uint64_t numbers[] = {per_class, classes_per_batch, batches_per_epoch};
  Fingerprint sum = {0, 0};
  for (uint64_t i = 0; i < 3; ++i) sum = add(sum, fingerprint_of(numbers[i], i));
  return combine(finish(sum, 0), {kPermutationVersion, 0});
}

}  // namespace pysampler
