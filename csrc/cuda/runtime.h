// What the host knows of the CUDA runtime. Needs no CUDA header, so that any C++ file can include it.
#pragma once

#include <cstdint>
#include <string>

namespace pysampler::cuda {

using Status = int;  // a cudaError_t
constexpr Status kSuccess = 0;

// Where a kernel runs: a device by its number and one of its streams, a cudaStream_t (nullptr: the default stream).
struct Place {
  int device;
  void* stream;
};

// Makes `device` the calling thread's current one, as launches need it.
Status use_device(int device);

// How many multiprocessors a device has.
Status multiprocessors(int device, uint32_t* count);

// Versions as 1000 * major + 10 * minor: of the runtime compiled in, and the newest that the driver supports (0: there is
// no driver). Devices that can be used.
struct Versions {
  int runtime;
  int driver;
  int devices;
};
Versions versions();

// Whether the runtime can be used at all: kSuccess, or why not.
Status availability();

// One sentence for users: what went wrong and, where there is one, the way out.
std::string explain(Status status, int device);

}  // namespace pysampler::cuda
