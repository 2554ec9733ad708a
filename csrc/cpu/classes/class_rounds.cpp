#include "cpu/classes/class_rounds.h"

#include <algorithm>

#include "core/class_rounds.h"
#include "cpu/permutation/permuted_range.h"

namespace pysampler {
namespace {

// The orders used last. Making one takes as long as some draws; a call returns to most of them many times.
class Orders {
 public:
  Orders(uint64_t seed, uint64_t classes) : seed_(seed) {
    while (slots_ < classes && slots_ < 128) slots_ *= 2;
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

void undersampled_draw(const Undersampling& sampling, uint64_t seed, uint64_t epoch, uint64_t start, uint64_t step,
                       uint64_t count, int64_t* out, Target target) {
  const uint64_t draws = sampling.ends.back();
  Orders orders(seed, sampling.items.classes);
  const auto item_of = [&](uint64_t number) {  // of the epoch's items in the order of classes
    const auto end = std::upper_bound(sampling.ends.begin(), sampling.ends.end(), number);
    const auto of_class = static_cast<uint64_t>(end - sampling.ends.begin());
    const uint64_t before = of_class == 0 ? 0 : sampling.ends[of_class - 1];
    const ClassRange range = sampling.items.ranges[of_class];
    const uint64_t quota = *end - before, size = range.size;
    const RoundPlace at = place_in_round(epoch, number - before, quota, size);
    // Where an epoch shows every item equally often, its order is no concern.
    const uint64_t place = quota % size == 0 ? at.place : orders.place(of_class, size, at);
    return item_at(sampling.items, range.begin + place);
  };
  const Stream stream = make_stream(seed, epoch, Tag::kPermutation);
  while (count != 0) {
    const uint64_t first = start % draws;
    const uint64_t in_this_one = std::min(count, (draws - 1 - first) / step + 1);
    permuted_range(make_permutation(stream, start / draws, draws), {first, step, in_this_one}, out, target);
    for (uint64_t i = 0; i < in_this_one; ++i) out[i] = item_of(static_cast<uint64_t>(out[i]));
    start += in_this_one * step;
    out += in_this_one;
    count -= in_this_one;
  }
}

void per_class_draw(const PerClassBatches& batches, uint64_t seed, uint64_t epoch, uint64_t start, uint64_t step,
                    uint64_t count, int64_t* out) {
  const uint64_t classes = batches.filled.size();
  Orders orders(seed, batches.items.classes);
  Permutation deck = {};
  uint64_t deck_cycle = 0, group = ~uint64_t{0}, round = 0, of_class = 0;  // no position has that group
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t position = start + i * step;
    if (position / batches.per_class != group) {
      group = position / batches.per_class;
      const Deal dealt = deal(epoch, batches.batches_per_epoch, group / batches.classes_per_batch,
                              group % batches.classes_per_batch, batches.classes_per_batch, classes);
      if (deck.elements == 0 || dealt.cycle != deck_cycle) deck = deck_order(seed, dealt.cycle, classes);
      deck_cycle = dealt.cycle;
      round = dealt.round;
      of_class = batches.filled[permute(deck, dealt.place)];
    }
    const ClassRange range = batches.items.ranges[of_class];
    const RoundPlace at = place_in_round(round, position % batches.per_class, batches.per_class, range.size);
    out[i] = item_at(batches.items, range.begin + orders.place(of_class, range.size, at));
  }
}

}  // namespace pysampler
