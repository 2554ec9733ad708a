// All kernels there are.
#pragma once

#include "cuda/runtime.h"

namespace pysampler::cuda {

// Makes `device` the calling thread's current one and loads every kernel on it, so that no first use meets a graph's
// capture, of the same thread or another, in which loading is refused. Allowed during a capture itself.
Status load_kernels(int device);

}  // namespace pysampler::cuda
