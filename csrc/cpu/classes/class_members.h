// Items grouped by class.
#pragma once

#include <cstdint>

#include "core/class_table.h"
#include "core/fingerprint.h"
#include "core/weights.h"
#include "cpu/runtime/memory.h"
#include "cpu/runtime/parallel.h"

namespace pysampler {

// A view of the caller's labels: item i has codes[offsets[i]], ..., codes[offsets[i + 1] - 1], or codes[i] alone where
// `offsets` is nullptr.
struct LabelView {
  const int64_t* codes;
  uint64_t entries;
  const int64_t* offsets;  // items + 1 of them
  uint64_t items;
};

// Thrown by group_by_class.
struct InvalidLabel {
  enum class Reason : uint8_t { kOutOfRange, kRepeated, kOffsets, kChangedMeanwhile };
  Reason reason;
  uint64_t item = 0;
  int64_t code = 0;  // for the first two
};

struct ClassMembers {
  LargeBuffer ranges;   // a ClassRange per class
  LargeBuffer members;  // a uint32_t per entry; empty if every class is a range of consecutive items
};

// Groups the items of every class, in ascending order. Cost: a pass over the labels, and a second one with scattered
// writes unless all classes are ranges; scratch: 16 bytes per class and thread. The same for any number of threads.
// Throws InvalidLabel. Needs items and entries <= kMaxItems, 1 <= classes <= kMaxClasses.
ClassMembers group_by_class(const LabelView& labels, uint64_t classes, const Execution& execution);

// masses[c] = weight of an item of class c times the number of its items, up to a common factor; positive unless one of
// the two is zero. The weights are finite and >= 0.
void class_masses(WeightView weights, const ClassRange* ranges, double* masses);

// out[i] = the sum over the classes of item i of class_shares[c] / size of c. One thread.
void spread_evenly(const ClassItems& classes, const double* class_shares, uint64_t items, double* out);

// Whether all ranges lie within the `places`.
bool ranges_in_range(const ClassItems& classes, uint64_t places);

// Whether all members are below `items`.
bool members_in_range(const uint32_t* members, uint64_t places, uint64_t items, const Execution& execution);

// Whether every class that an entry leads to has items.
bool drawn_classes_filled(const ClassTableView& table);

Fingerprint fingerprint(const ClassItems& classes, uint64_t places, uint64_t items, const Execution& execution = {});

}  // namespace pysampler
