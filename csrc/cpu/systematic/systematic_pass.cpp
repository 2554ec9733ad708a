#include "cpu/systematic/systematic_pass.h"

#include <algorithm>

#include "cpu/permutation/keyed_permutation.h"
#include "cpu/permutation/permuted_each.h"
#include "cpu/permutation/permuted_range.h"
#include "cpu/permutation/permuted_same.h"
#include "cpu/runtime/cache_sizes.h"
#include "cpu/runtime/stretches.h"

namespace pysampler {
namespace {

constexpr uint64_t kChunk = 512;   // draws that go through a stage together
constexpr uint64_t kWhole = 2048;  // the same for whole batches
constexpr uint64_t kLongSection = 8;  // points on average: of fewer, each lane takes a permutation of its own
constexpr StretchSizes kStretches = {1 << 15, 1 << 17};  // a draw costs several times one from an alias table

}  // namespace

SystematicPass::SystematicPass(std::shared_ptr<const MassTable> table, uint64_t seed, uint64_t epoch, uint64_t draws,
                               uint64_t batch)
    : table_(std::move(table)),
      permutations_(make_stream(seed, epoch, Tag::kPermutation)),
      padding_(make_stream(seed, epoch, Tag::kPadding)),
      lattice_(make_lattice(table_->total(), draws, epoch_offset(seed, epoch))),
      batched_(batch != 0),
      strata_(batched_ ? make_batch_strata(seed, epoch, draws, batch) : BatchStrata{}),
      order_(make_permutation(permutations_, order_permutation(), batched_ ? strata_.batches : draws)) {
  if (batched_) cut_strata();
}

uint64_t SystematicPass::class_of(uint64_t point) const {
  const std::vector<uint64_t>& begins = table_->class_begins;
  return static_cast<uint64_t>(std::upper_bound(begins.begin(), begins.end(), lattice_.mass_at(point)) -
                               begins.begin()) - 1;
}

void SystematicPass::cut_strata() {
  struct Span {
    uint64_t label, first_point, end_point;
  };
  std::vector<Span> spans;
  stratum_.resize(strata_.batch);
  for (uint64_t t = 0; t < strata_.batch; ++t) {
    const uint64_t begin = strata_.begin(t), end = strata_.begin(t + 1);
    const uint64_t label = class_of(begin);
    uint32_t run = kNoRun;
    if (end <= strata_.draws && lattice_.mass_at(end - 1) < table_->class_begins[label + 1]) {
      if (spans.empty() || spans.back().label != label) spans.push_back({label, begin, end});
      spans.back().end_point = end;
      run = static_cast<uint32_t>(spans.size() - 1);
    }
    stratum_[t] = {begin, run, strata_.is_long(t)};
    if (sections_.empty() || sections_.back().run != run) sections_.push_back({static_cast<uint32_t>(t), 0, run});
    sections_.back().end = static_cast<uint32_t>(t + 1);
  }
  for (const Span& span : spans) {
    runs_.push_back({span.first_point, make_permutation(permutations_, class_permutation(span.label),
                                                        span.end_point - span.first_point)});
  }
}

void SystematicPass::batch_points(const BatchPart& part, uint64_t place, uint64_t* points, uint32_t* runs,
                                  Target target) const {
  const bool is_full = part.batch < strata_.batches;
  const Permutation within = keyed_permutation(permutations_, batch_permutation(part.batch),
                                               is_full ? strata_.batch : strata_.rest, target);
  permuted_range(within, {part.first, part.step, part.count}, reinterpret_cast<int64_t*>(points), target);
  for (uint64_t i = 0; i < part.count; ++i) {
    const Stratum& stratum = stratum_[is_full ? points[i] : strata_.long_stratum(points[i])];
    points[i] = is_full ? strata_.point_at(stratum.begin, stratum.is_long != 0, place)
                        : strata_.spare_point(stratum.begin);
    runs[i] = stratum.run;
  }
}

void SystematicPass::exchange(uint64_t* points, const uint32_t* runs, uint64_t count, Target target) const {
  const Permutation* permutations[kChunk] = {};
  for (uint64_t i = 0; i < count; ++i) {
    const bool stays = runs[i] == kNoRun;
    permutations[i] = stays ? nullptr : &runs_[runs[i]].permutation;
    points[i] -= stays ? 0 : runs_[runs[i]].first_point;
  }
  permuted_each(permutations, points, count, target);
  for (uint64_t i = 0; i < count; ++i) points[i] += runs[i] == kNoRun ? 0 : runs_[runs[i]].first_point;
}

void SystematicPass::order_points(const Positions& positions, uint64_t* points, Target target) const {
  if (!batched_) {
    permuted_range(order_, positions, reinterpret_cast<int64_t*>(points), target);
    return;
  }
  const auto [start, step, count] = positions;
  // Where the full batches from the first one on are dealt from; a step beyond a batch leaves some of them out.
  const uint64_t first_batch = start / strata_.batch;
  const bool skips = step > strata_.batch;
  int64_t places[kChunk];
  if (!skips && first_batch < strata_.batches) {
    const uint64_t last_batch = std::min(positions[count - 1] / strata_.batch, strata_.batches - 1);
    permuted_range(order_, {first_batch, 1, last_batch - first_batch + 1}, places, target);
  }
  uint32_t runs[kChunk];
  BatchPart part = {first_batch, start % strata_.batch, step, 0};
  for (uint64_t done = 0; done < count; done += part.count) {
    part.count = std::min(count - done, (strata_.batch - 1 - part.first) / step + 1);
    uint64_t place = 0;
    if (part.batch < strata_.batches) {
      place = skips ? permute(order_, part.batch) : static_cast<uint64_t>(places[part.batch - first_batch]);
    }
    batch_points(part, place, points + done, runs + done, target);
    const uint64_t next = part.first + part.count * step;
    part.batch += next / strata_.batch;
    part.first = next % strata_.batch;
  }
  exchange(points, runs, count, target);
}

void SystematicPass::look_up(const uint64_t* units, uint64_t count, int64_t* items) const {
  const MassIndex index = table_->masses.index();
  const bool far = table_->masses.bytes() > kPrefetchAboveBytes;
  uint64_t places[kChunk];
  if (far) {
    for (uint64_t i = 0; i < count; ++i) prefetch_to_l2(index.guide + index.bucket_of(units[i]));
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t* const first = index.begins + index.guide[index.bucket_of(units[i])] + 1;
      prefetch_to_l2(first);
      prefetch_to_l2(first + 2);  // where most searches end, often in the next line
    }
  }
  for (uint64_t i = 0; i < count; ++i) places[i] = index.find(units[i]);
  if (!table_->members.empty()) {
    for (uint64_t i = 0; i < count; ++i) {
      places[i] = table_->members[places[i]].place_at(units[i] - index.begins[places[i]]);
    }
  }
  if (table_->order != nullptr) {
    for (uint64_t i = 0; i < count; ++i) prefetch_to_l2(table_->order + places[i]);
  }
  for (uint64_t i = 0; i < count; ++i) items[i] = static_cast<int64_t>(table_->item_at(places[i]));
}

void SystematicPass::whole_points(uint64_t first, uint64_t batches, uint64_t* points, Target target) const {
  const uint64_t draws = batches * strata_.batch;
  const bool by_section = draws >= kLongSection * sections_.size();
  int64_t places[kWhole];
  uint32_t runs[kWhole];
  permuted_range(order_, {first, 1, batches}, places, target);
  for (const Section& section : sections_) {
    uint64_t* const own = points + section.begin * batches;
    const uint64_t strata = section.end - section.begin, count = strata * batches;
    const bool moves = by_section && section.run != kNoRun;
    const uint64_t first_point = moves ? runs_[section.run].first_point : 0;
    for (uint64_t b = 0; b < batches; ++b) {
      const auto place = static_cast<uint64_t>(places[b]);
      for (uint64_t i = 0; i < strata; ++i) {
        const Stratum& stratum = stratum_[section.begin + i];
        own[b * strata + i] = strata_.point_at(stratum.begin, stratum.is_long != 0, place) - first_point;
      }
    }
    std::fill_n(runs + section.begin * batches, count, section.run);
    if (!moves) continue;
    permuted_same(runs_[section.run].permutation, own, count, target);
    for (uint64_t i = 0; i < count; ++i) own[i] += first_point;
  }
  for (uint64_t done = 0; !by_section && done < draws; done += kChunk) {
    exchange(points + done, runs + done, std::min(kChunk, draws - done), target);
  }
}

// In the order of the strata: the points that one permutation exchanges then lie together. The order inside each batch comes
// last, over the items.
void SystematicPass::draw_whole_batches(uint64_t first, uint64_t batches, int64_t* out, Target target) const {
  uint64_t units[kWhole];
  int64_t items[kWhole], order[kWhole];
  uint32_t found_at[kWhole];
  const uint64_t draws = batches * strata_.batch;
  whole_points(first, batches, units, target);
  for (uint64_t i = 0; i < draws; ++i) units[i] = lattice_.mass_at(units[i]);
  for (uint64_t done = 0; done < draws; done += kChunk) {
    look_up(units + done, std::min(kChunk, draws - done), items + done);
  }
  for (uint64_t b = 0; b < batches; ++b) {
    for (const Section& section : sections_) {
      const uint32_t strata = section.end - section.begin;
      const auto begin = static_cast<uint32_t>(section.begin * batches + b * strata);
      for (uint32_t i = 0; i < strata; ++i) found_at[section.begin + i] = begin + i;
    }
    const Permutation within =
        keyed_permutation(permutations_, batch_permutation(first + b), strata_.batch, target);
    permuted_range(within, {0, 1, strata_.batch}, order, target);
    for (uint64_t i = 0; i < strata_.batch; ++i) out[b * strata_.batch + i] = items[found_at[order[i]]];
  }
}

void SystematicPass::draw_range(const Positions& positions, int64_t* out, Target target) const {
  uint64_t units[kChunk];
  for (uint64_t done = 0, together; done < positions.count; done += together) {
    const uint64_t start = positions[done], left = positions.count - done;
    if (batched_ && positions.step == 1 && strata_.batch <= kWhole && start % strata_.batch == 0 &&
        left >= strata_.batch && start / strata_.batch < strata_.batches) {
      const uint64_t first = start / strata_.batch;
      const uint64_t batches =
          std::min({kWhole / strata_.batch, left / strata_.batch, strata_.batches - first});
      draw_whole_batches(first, batches, out + done, target);
      together = batches * strata_.batch;
      continue;
    }
    together = std::min(kChunk, left);
    if (batched_ && positions.step == 1) {  // no further than where the next batch begins, which may be drawn whole
      together = std::min(together, strata_.batch - start % strata_.batch);
    }
    order_points(positions.part(done, together), units, target);
    for (uint64_t i = 0; i < together; ++i) units[i] = lattice_.mass_at(units[i]);
    look_up(units, together, out + done);
  }
}

void SystematicPass::draw(const Positions& positions, int64_t* out, const Execution& execution) const {
  for_each_stretch(positions.count, execution, [&](uint64_t first, uint64_t n) {
    draw_range(positions.part(first, n), out + first, execution.target);
  }, kStretches);
}

void SystematicPass::pad(const Positions& positions, int64_t* out) const {
  uint64_t units[kChunk];
  for (uint64_t done = 0; done < positions.count; done += kChunk) {
    const uint64_t together = std::min(kChunk, positions.count - done);
    for (uint64_t i = 0; i < together; ++i) {
      units[i] = multiply_high(stream_word(padding_, positions[done + i]), table_->total());
    }
    look_up(units, together, out + done);
  }
}

}  // namespace pysampler
