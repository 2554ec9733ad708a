#include "cpu/systematic/mass_table.h"

#include <algorithm>

#include "core/alias_build.h"
#include "core/permutation.h"

namespace pysampler {
namespace {

// How many items the classes before each one have, with all of them at the end. Throws InvalidClass.
std::vector<uint64_t> class_firsts(const int64_t* labels, uint64_t items, uint64_t classes) {
  std::vector<uint64_t> firsts(classes + 1);
  for (uint64_t i = 0; i < items; ++i) {
    if (static_cast<uint64_t>(labels[i]) >= classes) throw InvalidClass{i, labels[i]};  // negative ones wrap
    ++firsts[static_cast<uint64_t>(labels[i]) + 1];
  }
  for (uint64_t c = 0; c < classes; ++c) firsts[c + 1] += firsts[c];
  return firsts;
}

uint64_t check_sum(const uint64_t* masses, uint64_t items) {
  WideSum sum = {0, 0};
  for (uint64_t i = 0; i < items; ++i) sum = add(sum, masses[i]);
  if (sum.high != 0 || sum.low == 0) throw InvalidMasses{};
  return sum.low;
}

}  // namespace

uint64_t MassTable::bytes() const {
  const uint64_t own_order = members.empty() && order != nullptr ? items * sizeof(uint32_t) : 0;
  return masses.bytes() + members.size() * sizeof(EqualMembers) + own_order +
         (class_begins.size() + class_places.size()) * sizeof(uint64_t);
}

void MassTable::item_masses(uint64_t* mass) const {
  std::fill(mass, mass + items, 0);  // an item may be a member of several classes, or of none
  if (members.empty()) {
    for (uint64_t i = 0; i < items; ++i) mass[item_at(i)] = masses.begins()[i + 1] - masses.begins()[i];
    return;
  }
  for (const EqualMembers& of : members) {
    for (uint64_t i = 0; i < of.size; ++i) mass[item_at(of.first + i)] += of.unit_mass;
  }
}

void MassTable::item_labels(int64_t* label) const {
  for (uint64_t c = 0; c < classes(); ++c) {
    for (uint64_t place = class_places[c]; place < class_places[c + 1]; ++place) {
      label[item_at(place)] = static_cast<int64_t>(c);
    }
  }
}

Fingerprint MassTable::fingerprint() const {
  Fingerprint sum = {0, 0};
  uint64_t number = 0;
  const auto fold = [&](uint64_t word) { sum = add(sum, fingerprint_of(word, number++)); };
  for (uint64_t i = 1; i <= masses.entries(); ++i) fold(masses.begins()[i]);
  for (const EqualMembers& of : members) fold(of.first | static_cast<uint64_t>(of.size) << 32);
  for (const uint64_t begin : class_begins) fold(begin);
  for (const uint64_t place : class_places) fold(place);
  if (order != nullptr) {
    if (members.empty()) {
      for (uint64_t i = 0; i < items; ++i) fold(order[i]);
    } else {
      for (const EqualMembers& of : members) {
        for (uint64_t i = 0; i < of.size; ++i) fold(order[of.first + i]);
      }
    }
  }
  return combine(finish(sum, items), {kPermutationVersion, 0});  // of the orders of draws, not of the masses
}

MassTable mass_table_of_items(const uint64_t* masses, uint64_t items, const int64_t* labels, uint64_t classes,
                              const Execution& execution) {
  check_sum(masses, items);
  MassTable table;
  table.items = items;
  table.class_places = {0, items};
  if (labels != nullptr) {
    table.class_places = class_firsts(labels, items, classes);
    if (!std::is_sorted(labels, labels + items)) {
      const auto order = std::make_shared<LargeBuffer>(items * sizeof(uint32_t));
      std::vector<uint64_t> next = table.class_places;
      for (uint64_t i = 0; i < items; ++i) {
        order->as<uint32_t>()[next[static_cast<uint64_t>(labels[i])]++] = static_cast<uint32_t>(i);
      }
      table.order_owner = order;
      table.order = order->as<uint32_t>();
    }
  }
  table.masses = IndexedMasses(masses, table.order, items, execution);
  for (const uint64_t place : table.class_places) table.class_begins.push_back(table.masses.begins()[place]);
  return table;
}

MassTable mass_table_of_classes(const uint64_t* masses, const ClassRange* ranges, uint64_t classes, uint64_t places,
                                uint64_t items) {
  const uint64_t sum = check_sum(masses, classes);
  if (sum >> 62 != 0) throw InvalidMasses{};
  int shift = 0;
  while (sum << shift < uint64_t{1} << 62) ++shift;  // so that no more than 2^63 are shared out
  MassTable table;
  table.items = items;
  std::vector<uint64_t> whole(classes);
  for (uint64_t c = 0; c < classes; ++c) {
    const ClassRange range = ranges[c];
    if ((masses[c] != 0 && range.size == 0) || uint64_t{range.begin} + range.size > places) throw InvalidRange{c};
    const uint64_t unit = masses[c] == 0 ? 0 : std::max<uint64_t>(1, (masses[c] << shift) / range.size);
    table.members.push_back({unit, range.begin, range.size});
    whole[c] = unit * range.size;
  }
  table.masses = IndexedMasses(whole.data(), nullptr, classes, {});
  table.class_begins.assign(table.masses.begins(), table.masses.begins() + classes + 1);
  return table;
}

}  // namespace pysampler
