// A table whose weights change while others draw from it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/fingerprint.h"
#include "core/stream.h"
#include "core/weights.h"
#include "cpu/dynamic/extremes.h"
#include "cpu/dynamic/mass_tree.h"
#include "cpu/runtime/fair_lock.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// Thrown by draws while no weight is positive.
struct NothingToDraw {};

// Thrown for an update, before anything is changed.
struct InvalidUpdate {
  uint64_t place;       // in the batch
  bool is_index;        // else the weight is what is wrong
  int64_t index;
  double weight;
  uint64_t bad_count;   // of weights, or of indices
  uint64_t items;
};

// Throws what an update of a table of so many items throws for this batch, in which something is wrong; without indices,
// what an append does.
[[noreturn]] void refuse_update(const int64_t* indices, const void* weights, uint64_t count, uint64_t items,
                                WeightType type);

// Thrown for a table of more than kMaxItems weights.
struct TooManyItems {};

// Thrown by draws of distinct items.
struct TooFewPositive {
  uint64_t positive;
};

// A scale that does not belong to the weights it came with.
struct InvalidScale {};

// Every call sees the table before or after any other, never between. Updates change neither threads nor targets can
// tell: what a table holds depends on its weights and its scale only (core/dynamic_table.h).
class DynamicTable {
 public:
  // Copies the weights, none or more. With a `scale`, that one, which must suit them.
  // Throws InvalidWeights, TooManyItems, InvalidScale.
  DynamicTable(WeightView weights, uint64_t capacity, const int* scale, const Execution& execution);

  struct Summary {
    uint64_t items, capacity, total, positive, version, bytes;
    int scale;
    Fingerprint fingerprint;  // of the weights and the scale
  };
  Summary summary() const;
  WeightType type() const { return type_; }
  // Grows by one with each update, a release of all it wrote.
  const std::atomic<uint64_t>& version() const { return version_; }

  // weights[indices[i]] = weights[i], in this order. Throws InvalidUpdate, or std::bad_alloc, and then changes nothing.
  void update(const int64_t* indices, const void* weights, uint64_t count, const Execution& execution);
  // Throws what `update` would.
  void check_update(const int64_t* indices, const void* weights, uint64_t count) const;
  // Adds items at the end. Beyond the capacity memory for twice as many is taken and all masses are made anew.
  void append(const void* weights, uint64_t count, const Execution& execution);
  // Becomes what a new table of these would be, but for the version, which grows.
  void assign(WeightView weights, const int* scale, const Execution& execution);

  // out[i] = the draw at position start + i * step. With strata = k > 0, from share (position mod k) of k equal shares
  // of the total. Throws NothingToDraw. Returns the version that was drawn from.
  uint64_t draw(Stream stream, uint64_t start, uint64_t step, uint64_t strata, uint64_t count, int64_t* out,
            const Execution& execution) const;
  // Distinct items in the order of successive sampling; the same for any threads. Throws TooFewPositive.
  void draw_distinct(uint64_t seed, uint64_t epoch, uint64_t count, int64_t* out);

  // Of these items: masses, and the total at the same time. False if an index is out of range.
  bool masses_of(const int64_t* indices, uint64_t count, uint64_t* masses, uint64_t* total) const;
  // Also the least positive mass in the table, 0 if there is none. Linear the first time.
  bool masses_of(const int64_t* indices, uint64_t count, uint64_t* masses, uint64_t* total, uint64_t* least);
  bool weights_of(const int64_t* indices, uint64_t count, void* weights) const;
  // Of all items, room for `count` of them: how many there are. Nothing is written if they are more.
  uint64_t all_masses(uint64_t count, uint64_t* masses, uint64_t* total) const;
  struct Held {
    uint64_t items;
    int scale;
    uint64_t version;
    Fingerprint fingerprint;
  };
  Held all_weights(uint64_t count, void* weights) const;
  // Writes the table as one piece of memory (core/packed_table.h) if there is room for so many words; how many it takes.
  uint64_t pack(uint64_t* words, uint64_t room) const;
  // The largest and the smallest positive weight, 0 and infinity if there is none. Linear the first time.
  double largest();
  double smallest();

 private:
  [[noreturn]] void refuse(const int64_t* indices, const void* weights, uint64_t count) const;
  // The batch in places_ and copies_ becomes part of the table.
  void commit(uint64_t count, const Execution& execution) noexcept;
  void set(uint32_t place, double weight, const Execution& execution) noexcept;
  // The masses of these places, whose weights are in the table by now, become part of the tree, and the version moves.
  void settle(WideSum total, const uint32_t* places, const uint64_t* differences, uint64_t count,
              const Execution& execution) noexcept;
  // Only those that write do so: they need no operation that others could come between.
  void next_version() { version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  // Room for a batch.
  void reserve(uint64_t count);
  Execution heard(const Execution& execution, bool writing) const;
  void take(WeightView weights, uint64_t capacity, const int* scale, const Execution& execution);
  void draw_range(Stream stream, uint64_t start, uint64_t step, uint64_t strata, uint64_t count, int64_t* out) const;
  bool read_masses(const int64_t* indices, uint64_t count, uint64_t* masses, uint64_t* total) const;
  Fingerprint fingerprint() const;
  const Extremes& extremes();

  mutable FairLock lock_;
  MassTree tree_;
  WeightType type_;
  Target target_;
  uint64_t items_ = 0;
  uint64_t positive_ = 0;
  Fingerprint sum_ = {0, 0};
  std::atomic<uint64_t> version_{0};
  std::unique_ptr<Extremes> extremes_;
  // Of the update in progress.
  std::vector<uint32_t> places_;
  std::vector<uint64_t> differences_;
  LargeBuffer copies_;
};

}  // namespace pysampler
