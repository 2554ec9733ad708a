// pysampler._core.ClassMembers and ClassTable: items by class, a table over the classes, and whatever keeps their memory
// alive.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/class_table.h"
#include "python/pass_draws.h"
#include "python/table.h"

namespace pysampler::python {

// The items of every class. Immutable.
class Members {
 public:
  // Groups items by their labels, which are only read during the call. `offsets` may be 0: see LabelView.
  static std::shared_ptr<Members> group(uintptr_t codes, uint64_t entries, uintptr_t offsets, uint64_t items,
                                        uint64_t classes, int threads);

  // The same over somebody's buffers, which are kept alive and never written: 8 bytes per class, and 4 bytes per member or
  // None. ValueError if they lead beyond the items (members are only looked at when `check` is set).
  static std::shared_ptr<Members> over(const pybind11::buffer& ranges, const pybind11::object& members, uint64_t items,
                                       bool check, int threads);

  uint64_t items() const { return items_; }
  uint64_t places() const { return places_; }  // members, or items if there are none
  ClassItems view() const { return view_; }
  std::string fingerprint(int threads) const;
  // The share of every item if those of classes are divided evenly among their members.
  void spread_into(uintptr_t out, uintptr_t class_shares) const;

 private:
  Members(std::shared_ptr<const void> owner, ClassItems view, uint64_t places, uint64_t items)
      : owner_(std::move(owner)), view_(view), places_(places), items_(items) {}

  std::shared_ptr<const void> owner_;
  ClassItems view_;
  uint64_t places_, items_;
};

// A table over the classes and their members.
class ClassTable {
 public:
  // ValueError unless the table has an entry per class and leads to classes with items only.
  ClassTable(std::shared_ptr<Table> classes, std::shared_ptr<Members> members);

  // Builds the table of classes from the weights of their items.
  static std::shared_ptr<ClassTable> build(std::shared_ptr<Members> members, uintptr_t weights, bool is_float64,
                                           int threads);

  ClassTableView view() const;
  const std::shared_ptr<Table>& classes() const { return classes_; }
  uint64_t places() const { return members_->places(); }

 private:
  std::shared_ptr<Table> classes_;
  std::shared_ptr<Members> members_;
};

void bind_class_table(pybind11::module_& module);
void bind_class_rounds(pybind11::module_& module);

}  // namespace pysampler::python
