// What systematic draws read: every item's interval of mass, class after class.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/class_table.h"
#include "core/fingerprint.h"
#include "core/systematic.h"
#include "cpu/runtime/memory.h"
#include "cpu/runtime/parallel.h"
#include "cpu/systematic/indexed_masses.h"

namespace pysampler {

// Items in the order of their classes fill the places 0, 1, ... and own consecutive intervals of [0, total). There is
// an interval either for each place (`members` is empty) or for each class, whose members then share it equally.
// Immutable once built.
struct MassTable {
  uint64_t items = 0;
  IndexedMasses masses;
  std::vector<EqualMembers> members;
  std::vector<uint64_t> class_begins;  // one more than there are classes: the mass before each
  std::vector<uint64_t> class_places;  // likewise its first place; empty if there are `members`
  std::shared_ptr<const void> order_owner;
  const uint32_t* order = nullptr;  // the item at each place; null if that is the place itself

  uint64_t classes() const { return class_begins.size() - 1; }
  uint64_t total() const { return masses.total(); }
  uint64_t item_at(uint64_t place) const { return order == nullptr ? place : order[place]; }
  // Memory beyond what `order_owner` shares with others.
  uint64_t bytes() const;

  // mass[i] = the integer mass of item i.
  void item_masses(uint64_t* mass) const;
  // label[i] = the class of item i. Not for tables with `members`.
  void item_labels(int64_t* label) const;
  // Of the masses, the order and the classes, and of how draws are put in order.
  Fingerprint fingerprint() const;
};

// Thrown for a class that is not in [0, classes).
struct InvalidClass {
  uint64_t item;
  int64_t found;
};

// Thrown for masses that add up to nothing, or to 2^64 or more.
struct InvalidMasses {};

// Items with masses of their own. `labels`: the class of every item, in [0, classes), or null for a single class.
// 12 bytes an item, and 4 more unless the items are in the order of their classes.
MassTable mass_table_of_items(const uint64_t* masses, uint64_t items, const int64_t* labels, uint64_t classes,
                              const Execution& execution);

// Thrown for a class that has mass but no members, or members beyond the last place.
struct InvalidRange {
  uint64_t label;
};

// Classes of equal members, some 36 bytes a class. masses[c]: of all members of class c together. Every member gets the
// same integer: masses[c] / size, shifted up as far as 63 bits allow and rounded down, but at least 1 if masses[c] > 0.
// The masses must add up to at least 1, and to less than 2^62, and there may be 2^32 places at most. The caller sets
// the order, which names the item at each place.
MassTable mass_table_of_classes(const uint64_t* masses, const ClassRange* ranges, uint64_t classes, uint64_t places,
                                uint64_t items);

}  // namespace pysampler
