// Marks the functions that a GPU kernel and the CPU share: one definition, compiled for both.
#pragma once

#if defined(__CUDACC__)
#define PYSAMPLER_HOST_DEVICE __host__ __device__ __forceinline__
#elif defined(__GNUC__) || defined(__clang__)
#define PYSAMPLER_HOST_DEVICE inline __attribute__((always_inline))
#else
#define PYSAMPLER_HOST_DEVICE inline
#endif
