#include "cpu/permutation/successive_orders.h"

#include <algorithm>

#include "core/permutation.h"
#include "cpu/permutation/permuted_range.h"

namespace pysampler {

void successive_orders(Stream stream, uint64_t elements, Positions positions, int64_t* out, Target target) {
  while (positions.count != 0) {
    const uint64_t order = positions.start / elements, first = positions.start % elements;
    const uint64_t within = std::min(positions.count, (elements - 1 - first) / positions.step + 1);
    permuted_range(make_permutation(stream, order, elements), {first, positions.step, within}, out, target);
    positions = positions.part(within, positions.count - within);
    out += within;
  }
}

}  // namespace pysampler
