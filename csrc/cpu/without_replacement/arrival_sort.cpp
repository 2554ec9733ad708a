#include "cpu/without_replacement/arrival_sort.h"

#include <algorithm>

namespace pysampler {

const uint64_t* ArrivalSorter::sort(const RecordSpan* begin, const RecordSpan* end, uint64_t count, int top) {
  uint64_t* records = sorter_.sort(begin, end, count, top, format_.item_bits());
  if (has_ties(records, count)) settle_ties(records, count);
  return records;
}

bool ArrivalSorter::has_ties(const uint64_t* records, uint64_t count) const {
  uint64_t borrowed = 0;  // d - 1 has its top bit set only if d = 0, since the differences d have fewer bits
  for (uint64_t i = 1; i < count; ++i) borrowed |= format_.code(records[i] ^ records[i - 1]) - 1;
  return borrowed >> 63 != 0;
}

// Puts records of equal code in the order of their keys, then of their indices.
void ArrivalSorter::settle_ties(uint64_t* records, uint64_t count) {
  const auto for_each_tie = [&](auto visit) {
    for (uint64_t begin = 0, end; begin < count; begin = end) {
      for (end = begin + 1; end < count && format_.code(records[end]) == format_.code(records[begin]);) ++end;
      if (end - begin > 1) visit(begin, end);
    }
  };
  tied_.clear();
  for_each_tie([&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) tied_.push_back(static_cast<uint32_t>(format_.item(records[i])));
  });
  keys_.resize(tied_.size());
  race_keys_at(race_, tied_.data(), tied_.size(), keys_.data());
  uint64_t done = 0;
  for_each_tie([&](uint64_t begin, uint64_t end) {
    arrivals_.clear();
    for (uint64_t i = begin; i < end; ++i, ++done) arrivals_.push_back({keys_[done], tied_[done]});
    std::sort(arrivals_.begin(), arrivals_.end());
    for (uint64_t i = begin; i < end; ++i) records[i] = format_.make(records[i], arrivals_[i - begin].item);
  });
}

}  // namespace pysampler
