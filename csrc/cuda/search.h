// Binary search, for host and device.
#pragma once

#include <cstdint>

#include "core/macros.h"

namespace pysampler::cuda {

// How many of `count` ascending numbers are below `key`: the place of the first that is not.
template <class Size>
PYSAMPLER_HOST_DEVICE Size count_below(const uint64_t* ascending, Size count, uint64_t key) {
  Size first = 0;
  while (count != 0) {
    const Size half = count / 2;
    const bool below = ascending[first + half] < key;
    first = below ? first + half + 1 : first;
    count = below ? count - half - 1 : half;
  }
  return first;
}

// The same of those that are not above `key`.
template <class Size>
PYSAMPLER_HOST_DEVICE Size count_up_to(const uint64_t* ascending, Size count, uint64_t key) {
  return key == UINT64_MAX ? count : count_below(ascending, count, key + 1);
}

}  // namespace pysampler::cuda
