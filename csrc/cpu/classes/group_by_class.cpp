#include <algorithm>
#include <optional>
#include <vector>

#include "cpu/classes/class_members.h"

namespace pysampler {
namespace {

constexpr uint64_t kMinItemsPerPart = 1 << 16;
constexpr uint32_t kNone = 0xFFFFFFFFu;  // no item has this number

using Reason = InvalidLabel::Reason;

// A counting sort. Each part of the items counts its own labels; sums over the parts then tell every part where its
// members of each class begin. The labels are the caller's memory and may change at any time: whatever is read is checked
// each time it is read, and nothing is written beyond what was counted.
class Grouping {
 public:
  Grouping(const LabelView& labels, uint64_t classes, const Execution& execution)
      : labels_(labels), classes_(classes), execution_(execution) {
    // The counts of all parts should take less memory and time than the labels.
    const uint64_t most = std::min(labels.items / kMinItemsPerPart, labels.entries / (4 * classes));
    parts_.resize(static_cast<uint64_t>(execution.on_at_most(most).threads));
  }

  ClassMembers run() {
    for_each_part([this](uint64_t part) { count(part); });
    for (const Part& part : parts_) {
      if (part.error) throw *part.error;
    }
    ClassMembers result;
    result.ranges = LargeBuffer(classes_ * sizeof(ClassRange));
    auto* const ranges = result.ranges.as<ClassRange>();
    if (share_out(ranges)) {
      for (uint64_t c = 0; c < classes_; ++c) ranges[c].begin = ranges[c].size == 0 ? 0 : first_[c];
      return result;
    }
    result.members = LargeBuffer(labels_.entries * sizeof(uint32_t));
    for_each_part([&](uint64_t part) { place(part, result.members.as<uint32_t>()); });
    return result;
  }

 private:
  struct Part {
    std::vector<uint32_t> counts;  // of each class; then where its next member goes
    std::vector<uint32_t> first, last;
    std::vector<uint32_t> ends;
    uint64_t entries = 0;
    std::optional<InvalidLabel> error;
  };

  template <class Function>
  void for_each_part(Function function) {
    parallel_for(parts_.size(), execution_, function);
  }

  uint64_t first_item(uint64_t part) const { return labels_.items / parts_.size() * part; }
  uint64_t end_item(uint64_t part) const {
    return part + 1 == parts_.size() ? labels_.items : first_item(part + 1);
  }

  // Calls label(item, class) for the labels of a part's items, until it returns false. The error of those that are none.
  template <class Label>
  std::optional<InvalidLabel> for_each_label(uint64_t part, Label label) const {
    for (uint64_t item = first_item(part); item < end_item(part); ++item) {
      uint64_t begin = item, end = item + 1;
      if (labels_.offsets != nullptr) {
        begin = static_cast<uint64_t>(labels_.offsets[item]);
        end = static_cast<uint64_t>(labels_.offsets[item + 1]);
        if (begin > end || end > labels_.entries) return InvalidLabel{Reason::kOffsets, item};
      }
      for (uint64_t entry = begin; entry < end; ++entry) {
        const int64_t code = static_cast<const volatile int64_t*>(labels_.codes)[entry];
        if (static_cast<uint64_t>(code) >= classes_) return InvalidLabel{Reason::kOutOfRange, item, code};
        if (!label(static_cast<uint32_t>(item), static_cast<uint64_t>(code))) {
          return InvalidLabel{Reason::kRepeated, item, code};
        }
      }
    }
    return std::nullopt;
  }

  void count(uint64_t number) {
    Part& part = parts_[number];
    part.counts.assign(classes_, 0);
    part.first.assign(classes_, kNone);
    part.last.assign(classes_, kNone);
    part.error = for_each_label(number, [&](uint32_t item, uint64_t c) {
      if (part.last[c] == item) return false;
      if (part.counts[c]++ == 0) part.first[c] = item;
      part.last[c] = item;
      ++part.entries;
      return true;
    });
  }

  // Fills the ranges and tells every part where its members begin. Returns whether all classes are consecutive items.
  bool share_out(ClassRange* ranges) {
    uint64_t entries = 0;
    for (const Part& part : parts_) entries += part.entries;
    if (entries != labels_.entries) throw InvalidLabel{Reason::kOffsets, labels_.items - 1};
    first_.assign(classes_, kNone);
    bool all_consecutive = true;
    uint32_t begin = 0;
    for (uint64_t c = 0; c < classes_; ++c) {
      uint32_t size = 0, last = 0;
      for (Part& part : parts_) {
        const uint32_t count = part.counts[c];
        if (count == 0) continue;
        if (size == 0) first_[c] = part.first[c];
        last = part.last[c];
        part.counts[c] = begin + size;
        size += count;
      }
      ranges[c] = {size, begin};
      all_consecutive = all_consecutive && (size == 0 || last - first_[c] + 1 == size);
      begin += size;
    }
    if (!all_consecutive) set_ends(ranges);
    return all_consecutive;
  }

  // A part may write up to where the next part of the class begins.
  void set_ends(const ClassRange* ranges) {
    std::vector<uint32_t> next(classes_);
    for (uint64_t c = 0; c < classes_; ++c) next[c] = ranges[c].begin + ranges[c].size;
    for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
      part->ends = next;
      for (uint64_t c = 0; c < classes_; ++c) {
        if (part->first[c] == kNone) {
          part->counts[c] = next[c];
        } else {
          next[c] = part->counts[c];
        }
      }
    }
  }

  void place(uint64_t number, uint32_t* members) {
    Part& part = parts_[number];
    uint64_t placed = 0;
    const auto error = for_each_label(number, [&](uint32_t item, uint64_t c) {
      if (part.counts[c] == part.ends[c]) return false;
      members[part.counts[c]++] = item;
      ++placed;
      return true;
    });
    if (error || placed != part.entries) throw InvalidLabel{Reason::kChangedMeanwhile};
  }

  const LabelView labels_;
  const uint64_t classes_;
  const Execution& execution_;
  std::vector<Part> parts_;
  std::vector<uint32_t> first_;  // item of each class
};

}  // namespace

ClassMembers group_by_class(const LabelView& labels, uint64_t classes, const Execution& execution) {
  return Grouping(labels, classes, execution).run();
}

}  // namespace pysampler
