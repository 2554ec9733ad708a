#include "cpu/dynamic/dynamic_table.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <utility>

#include "core/alias_table.h"
#include "core/systematic.h"
#include "cpu/dynamic/crown.h"
#include "cpu/runtime/stretches.h"
#include "cpu/runtime/float_environment.h"

namespace pysampler {
namespace {

constexpr uint64_t kFewWords = 12;         // fewer than this are computed one by one
constexpr uint64_t kKeptUpdates = 1 << 16;  // scratch for larger batches is given back

double weight_in(const void* weights, uint64_t i, WeightType type) {
  return type == WeightType::kFloat64 ? static_cast<const double*>(weights)[i]
                                      : static_cast<double>(static_cast<const float*>(weights)[i]);
}

const void* advanced(const void* weights, uint64_t count, uint64_t bytes) {
  return static_cast<const char*>(weights) + count * bytes;
}

// Shared by all readers of a table, and by nobody while it changes.
using Reading = std::shared_lock<FairLock>;
using Writing = std::unique_lock<FairLock>;

}  // namespace

DynamicTable::DynamicTable(WeightView weights, uint64_t capacity, const int* scale, const Execution& execution)
    : type_(weights.type), target_(execution.target) {
  const StandardFloats standard_floats;
  take(weights, capacity, scale, execution);
}

void DynamicTable::take(WeightView weights, uint64_t capacity, const int* scale, const Execution& execution) {
  if (std::max(weights.count, capacity) > kMaxItems) throw TooManyItems{};
  MassTree tree(std::max(weights.count, capacity), weights.type);
  const TreeKernels& kernels = tree_kernels(target_, weights.type);
  constexpr uint64_t kChunk = 4096;
  std::vector<uint32_t> places(std::min(kChunk, weights.count));
  std::vector<uint64_t> differences(places.size());
  std::vector<int64_t> indices(places.size());
  LargeBuffer copies(places.size() * tree.weight_bytes());
  BatchChange change = {};
  for (uint64_t done = 0; done < weights.count; done += kChunk) {
    const uint64_t together = std::min(kChunk, weights.count - done);
    std::iota(indices.begin(), indices.end(), static_cast<int64_t>(done));
    const void* from = advanced(weights.data, done, tree.weight_bytes());
    if (!kernels.take(indices.data(), from, together, weights.count, places.data(), copies.as<void>())) {
      InvalidWeights error = {InvalidWeights::Reason::kNotFiniteOrNegative, 0, 0, 0};
      for (uint64_t i = weights.count; i-- > 0;) {
        const double weight = weight_in(weights.data, i, weights.type);
        if (is_valid(weight)) continue;
        ++error.bad_count;
        error.first_index = i;
        error.first_value = weight;
      }
      if (error.bad_count == 0) error.reason = InvalidWeights::Reason::kChangedMeanwhile;
      throw error;
    }
    kernels.exchange(tree.view(), places.data(), copies.as<void>(), together, differences.data(), &change);
    if (execution.interrupt && execution.interrupt()) throw Interrupted{};
  }
  int wanted = 0;
  if (scale != nullptr) {
    wanted = *scale;
    if (wanted < kLeastScale || wanted > kMostScale) throw InvalidScale{};
    const WideSum total = tree.total_with(wanted, execution);
    if (!keeps_scale(total)) throw InvalidScale{};
  } else if (change.positive != 0) {
    wanted = tree.fresh_scale(execution);
  }
  tree.build(wanted, execution);
  tree_ = std::move(tree);
  type_ = weights.type;
  items_ = weights.count;
  positive_ = static_cast<uint64_t>(change.positive);
  // Items' hashes count from the zeros that were there before.
  sum_ = {change.fingerprint_low, change.fingerprint_high};
  extremes_.reset();
}

Fingerprint DynamicTable::fingerprint() const {
  return fingerprint_of_table(sum_, tree_.view().scale, items_);
}

DynamicTable::Summary DynamicTable::summary() const {
  const Reading reading(lock_);
  // There is memory for whole leaves; no more than kMaxItems weights are taken.
  return {items_,       std::min(tree_.capacity(), kMaxItems), tree_.total(), positive_,
          version_.load(std::memory_order_relaxed), tree_.bytes(), tree_.view().scale, fingerprint()};
}

// A signal handler runs in the middle of a call that holds the lock, and may use the table.
Execution DynamicTable::heard(const Execution& execution, bool writing) const {
  if (!execution.interrupt) return execution;
  const auto ask = [this, writing, &execution] {
    const FairLock::Within within(lock_, writing);
    return execution.interrupt();
  };
  return {execution.threads, ask, execution.target};
}

void refuse_update(const int64_t* indices, const void* weights, uint64_t count, uint64_t items, WeightType type) {
  InvalidUpdate error = {0, false, 0, 0, 0, items};
  for (const bool is_index : {true, false}) {
    for (uint64_t i = count; i-- > 0;) {
      const int64_t index = indices == nullptr ? 0 : indices[i];
      const double weight = weight_in(weights, i, type);
      const bool good = is_index ? indices == nullptr || static_cast<uint64_t>(index) < items : is_valid(weight);
      if (good) continue;
      error = {i, is_index, index, weight, error.bad_count + 1, items};
    }
    if (error.bad_count != 0) throw error;
  }
  throw InvalidWeights{InvalidWeights::Reason::kChangedMeanwhile};
}

void DynamicTable::refuse(const int64_t* indices, const void* weights, uint64_t count) const {
  refuse_update(indices, weights, count, items_, type_);
}

void DynamicTable::check_update(const int64_t* indices, const void* weights, uint64_t count) const {
  const StandardFloats standard_floats;
  const Reading reading(lock_);
  for (uint64_t i = 0; i < count; ++i) {
    if (static_cast<uint64_t>(indices[i]) >= items_ || !is_valid(weight_in(weights, i, type_))) {
      refuse(indices, weights, count);
    }
  }
}

void DynamicTable::reserve(uint64_t count) {
  if (places_.size() < count) places_.resize(count);
  if (differences_.size() < count) differences_.resize(count);
  if (copies_.bytes() < count * tree_.weight_bytes()) copies_ = LargeBuffer(count * tree_.weight_bytes());
}

void DynamicTable::update(const int64_t* indices, const void* weights, uint64_t count, const Execution& execution) {
  if (count == 0) return;
  const StandardFloats standard_floats;
  const Writing writing(lock_);
  if (count == 1) {
    const auto index = static_cast<uint64_t>(*indices);
    const double weight = weight_in(weights, 0, type_) + 0.0;  // -0.0 becomes 0.0
    if (index >= items_ || !is_valid(weight)) refuse(indices, weights, count);
    set(static_cast<uint32_t>(index), weight, execution);
    return;
  }
  reserve(count);
  const TreeKernels& kernels = tree_kernels(target_, type_);
  if (!kernels.take(indices, weights, count, items_, places_.data(), copies_.as<void>())) {
    refuse(indices, weights, count);
  }
  commit(count, execution);
}

void DynamicTable::append(const void* weights, uint64_t count, const Execution& execution) {
  if (count == 0) return;
  const StandardFloats standard_floats;
  const Writing writing(lock_);
  if (count > kMaxItems - items_) throw TooManyItems{};
  const uint64_t items = items_ + count;
  reserve(count);
  std::vector<int64_t> indices(count);
  std::iota(indices.begin(), indices.end(), static_cast<int64_t>(items_));
  const TreeKernels& kernels = tree_kernels(target_, type_);
  if (!kernels.take(indices.data(), weights, count, items, places_.data(), copies_.as<void>())) {
    refuse(nullptr, weights, count);
  }
  if (items > tree_.capacity()) {
    MassTree larger(std::min(std::max(items, 2 * tree_.capacity()), kMaxItems), type_);
    std::memcpy(larger.weights(), tree_.weights(), items_ * tree_.weight_bytes());
    larger.build(tree_.view().scale, {execution.threads, {}, target_});
    tree_ = std::move(larger);
    extremes_.reset();
  }
  items_ = items;
  commit(count, execution);
}

void DynamicTable::assign(WeightView weights, const int* scale, const Execution& execution) {
  const StandardFloats standard_floats;
  const Writing writing(lock_);
  take(weights, std::min(tree_.capacity(), kMaxItems), scale, heard(execution, true));
  next_version();
}

// Takes no memory, so that there is no half of an update to undo.
void DynamicTable::commit(uint64_t count, const Execution& execution) noexcept {
  const TreeKernels& kernels = tree_kernels(target_, type_);
  BatchChange change = {};
  kernels.exchange(tree_.view(), places_.data(), copies_.as<void>(), count, differences_.data(), &change);
  positive_ += static_cast<uint64_t>(change.positive);
  sum_ = add(sum_, {change.fingerprint_low, change.fingerprint_high});
  const WideSum total = changed_total(tree_.total(), change.gained, change.lost);
  settle(total, places_.data(), differences_.data(), count, execution);
  if (places_.size() > kKeptUpdates) {
    places_ = {};
    differences_ = {};
    copies_ = {};
  }
}

// As a batch of one, without what makes large batches fast.
void DynamicTable::set(uint32_t place, double weight, const Execution& execution) noexcept {
  const double before = tree_.exchange_weight(place, weight);
  positive_ += static_cast<uint64_t>(weight > 0) - static_cast<uint64_t>(before > 0);
  const Fingerprint gone = fingerprint_of_weight(before, place), come = fingerprint_of_weight(weight, place);
  sum_ = add(sum_, {come.low - gone.low, come.high - gone.high});
  const int scale = tree_.view().scale;
  const uint64_t lost = mass_of(before, scale), gained = mass_of(weight, scale), difference = gained - lost;
  // The total is below 2^63 and has what is lost, and what is gained is at most 2^63.
  settle({tree_.total() + difference, 0}, &place, &difference, 1, execution);
}

void DynamicTable::settle(WideSum total, const uint32_t* places, const uint64_t* differences, uint64_t count,
                          const Execution& execution) noexcept {
  if (keeps_scale(total)) {
    tree_kernels(target_, type_).add(tree_.view(), places, differences, count);
    tree_.add_to_total(total.low - tree_.total());
  } else {
    // Not to be interrupted: the weights are in place by now.
    const Execution whole = {execution.threads, {}, target_};
    tree_.build(tree_.fresh_scale(whole), whole);
  }
  if (extremes_ != nullptr) extremes_->update(tree_, places, count);
  next_version();
}

void DynamicTable::draw_range(Stream stream, uint64_t start, uint64_t step, uint64_t strata, uint64_t count,
                              int64_t* out) const {
  const StandardFloats standard_floats;
  const TreeKernels& kernels = tree_kernels(target_, type_);
  const uint64_t total = tree_.total();
  const Lattice lattice = strata == 0 ? Lattice{} : make_lattice(total, strata, 0);
  uint64_t stratum = strata == 0 ? 0 : start % strata;
  const uint64_t stratum_step = strata == 0 ? 0 : step % strata;
  const TreeView& tree = tree_.view();
  Crown crown;
  const int level = crown_level(tree, count, kMostCrown);
  const bool crowned = level + 1 < tree.depth;
  if (crowned) make_crown(tree, level, total, &crown);
  alignas(64) uint64_t units[kFound];
  for (uint64_t done = 0; done < count; done += kFound) {
    const uint64_t together = std::min(kFound, count - done), from = start + done * step;
    for (uint64_t made = 0; made < together; made += kTogether) {
      if (together - made < kFewWords) {
        for (uint64_t i = made; i < together; ++i) units[i] = stream_word(stream, from + i * step);
      } else {
        kernels.words(stream, from + made * step, step, units + made);
      }
    }
    if (strata == 0) {
      for (uint64_t i = 0; i < together; ++i) units[i] = unit_of(units[i], total);
    } else {
      for (uint64_t i = 0; i < together; ++i) {
        const uint64_t begin = lattice.mass_at(stratum);
        const uint64_t end = stratum + 1 == strata ? total : lattice.mass_at(stratum + 1);
        units[i] = begin + unit_of(units[i], end - begin);
        stratum += stratum_step;
        stratum -= stratum >= strata ? strata : 0;
      }
    }
    kernels.find(tree, crowned ? &crown : nullptr, units, together, out + done);
  }
}

uint64_t DynamicTable::draw(Stream stream, uint64_t start, uint64_t step, uint64_t strata, uint64_t count, int64_t* out,
                            const Execution& execution) const {
  if (count == 0) return version_.load(std::memory_order_acquire);
  const Reading reading(lock_);
  const uint64_t version = version_.load(std::memory_order_relaxed);
  if (tree_.total() == 0) throw NothingToDraw{};
  if (count == 1 && strata == 0) {
    const StandardFloats standard_floats;
    const uint64_t unit = unit_of(stream_word(stream, start), tree_.total());
    *out = tree_kernels(target_, type_).find_one(tree_.view(), unit);
    return version;
  }
  if (count <= kTogether) {
    draw_range(stream, start, step, strata, count, out);
    return version;
  }
  for_each_stretch(count, heard(execution, false), [&](uint64_t first, uint64_t draws) {
    draw_range(stream, start + first * step, step, strata, draws, out + first);
  });
  return version;
}

bool DynamicTable::masses_of(const int64_t* indices, uint64_t count, uint64_t* masses, uint64_t* total) const {
  const StandardFloats standard_floats;
  const Reading reading(lock_);
  return read_masses(indices, count, masses, total);
}

bool DynamicTable::masses_of(const int64_t* indices, uint64_t count, uint64_t* masses, uint64_t* total,
                             uint64_t* least) {
  const StandardFloats standard_floats;
  const Writing writing(lock_);  // the extremes may have to be made
  const double smallest = extremes().smallest();
  *least = positive_ == 0 ? 0 : mass_of(smallest, tree_.view().scale);
  return read_masses(indices, count, masses, total);
}

bool DynamicTable::read_masses(const int64_t* indices, uint64_t count, uint64_t* masses, uint64_t* total) const {
  *total = tree_.total();
  for (uint64_t i = 0; i < count; ++i) {
    const auto index = static_cast<uint64_t>(indices[i]);
    if (index >= items_) return false;
    masses[i] = mass_of(tree_.weight(index), tree_.view().scale);
  }
  return true;
}

bool DynamicTable::weights_of(const int64_t* indices, uint64_t count, void* weights) const {
  const Reading reading(lock_);
  const uint64_t bytes = tree_.weight_bytes();
  for (uint64_t i = 0; i < count; ++i) {
    const auto index = static_cast<uint64_t>(indices[i]);
    if (index >= items_) return false;
    std::memcpy(static_cast<char*>(weights) + i * bytes, advanced(tree_.weights(), index, bytes), bytes);
  }
  return true;
}

uint64_t DynamicTable::all_masses(uint64_t count, uint64_t* masses, uint64_t* total) const {
  const StandardFloats standard_floats;
  const Reading reading(lock_);
  *total = tree_.total();
  if (items_ <= count) tree_kernels(target_, type_).masses(tree_.view(), items_, masses);
  return items_;
}

DynamicTable::Held DynamicTable::all_weights(uint64_t count, void* weights) const {
  const Reading reading(lock_);
  if (items_ != 0 && items_ <= count) std::memcpy(weights, tree_.weights(), items_ * tree_.weight_bytes());
  return {items_, tree_.view().scale, version_.load(std::memory_order_relaxed), fingerprint()};
}

const Extremes& DynamicTable::extremes() {
  if (extremes_ == nullptr) extremes_ = std::make_unique<Extremes>(tree_);
  return *extremes_;
}

double DynamicTable::largest() {
  const StandardFloats standard_floats;
  const Writing writing(lock_);
  return extremes().largest();
}

double DynamicTable::smallest() {
  const StandardFloats standard_floats;
  const Writing writing(lock_);
  return extremes().smallest();
}

}  // namespace pysampler
