// The random-gather limit of a GPU: 8-byte entries read at random places and stored in order, nothing else. Several ways,
// of which the fastest counts; a sampler that looks up one table entry per draw cannot be faster.
#include <cuda_runtime.h>

#include <cstdint>

namespace {

constexpr int kThreads = 256;

template <bool kThroughL1>
__device__ uint2 load(const uint2* entry) {
  if constexpr (kThroughL1) return __ldg(entry);
  uint2 words;
  asm("ld.global.nc.L1::no_allocate.v2.u32 {%0, %1}, [%2];" : "=r"(words.x), "=r"(words.y) : "l"(entry));
  return words;
}

__device__ void store(uint4* to, uint2 first, uint2 second) {
  __stcs(to, make_uint4(first.x, first.y, second.x, second.y));
}

// The places are read from memory, four at a time: 4 bytes more per entry.
template <bool kThroughL1, int kQuads>
__global__ void __launch_bounds__(kThreads)
    gather_listed(const uint2* table, uint32_t, const uint4* places, uint64_t quads, uint4* out) {
  const uint64_t stride = static_cast<uint64_t>(gridDim.x) * kThreads;
  for (uint64_t quad = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x; quad < quads;
       quad += kQuads * stride) {
    uint2 entries[kQuads][4];
#pragma unroll
    for (int q = 0; q < kQuads; ++q) {
      if (quad + q * stride >= quads) break;
      const uint4 at = __ldcs(places + quad + q * stride);
      entries[q][0] = load<kThroughL1>(table + at.x);
      entries[q][1] = load<kThroughL1>(table + at.y);
      entries[q][2] = load<kThroughL1>(table + at.z);
      entries[q][3] = load<kThroughL1>(table + at.w);
    }
#pragma unroll
    for (int q = 0; q < kQuads; ++q) {
      if (quad + q * stride >= quads) break;
      store(out + 2 * (quad + q * stride), entries[q][0], entries[q][1]);
      store(out + 2 * (quad + q * stride) + 1, entries[q][2], entries[q][3]);
    }
  }
}

// The places are made up on the spot, by a mixing function of a few instructions; neighbouring pairs are stored together.
template <bool kThroughL1, int kPairs>
__global__ void __launch_bounds__(kThreads)
    gather_hashed(const uint2* table, uint32_t items, const uint4*, uint64_t quads, uint4* out) {
  const uint64_t stride = static_cast<uint64_t>(gridDim.x) * kThreads;
  for (uint64_t pair = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x; pair < 2 * quads;
       pair += kPairs * stride) {
    uint2 entries[kPairs][2];
#pragma unroll
    for (int p = 0; p < kPairs; ++p) {
      uint64_t mixed = (pair + p * stride + 1) * 0x9E3779B97F4A7C15ull;
      mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9ull;
      entries[p][0] = load<kThroughL1>(table + __umulhi(static_cast<uint32_t>(mixed >> 32), items));
      entries[p][1] = load<kThroughL1>(table + __umulhi(static_cast<uint32_t>(mixed ^ mixed >> 17), items));
    }
#pragma unroll
    for (int p = 0; p < kPairs; ++p) {
      if (pair + p * stride < 2 * quads) store(out + pair + p * stride, entries[p][0], entries[p][1]);
    }
  }
}

struct Way {
  const char* name;
  void (*kernel)(const uint2*, uint32_t, const uint4*, uint64_t, uint4*);
};

const Way kWays[] = {
    {"listed places, 4 in flight, through L1", gather_listed<true, 1>},
    {"listed places, 8 in flight, through L1", gather_listed<true, 2>},
    {"listed places, 4 in flight, past L1", gather_listed<false, 1>},
    {"listed places, 8 in flight, past L1", gather_listed<false, 2>},
    {"hashed places, 2 in flight, through L1", gather_hashed<true, 1>},
    {"hashed places, 8 in flight, through L1", gather_hashed<true, 4>},
    {"hashed places, 2 in flight, past L1", gather_hashed<false, 1>},
    {"hashed places, 8 in flight, past L1", gather_hashed<false, 4>},
};
constexpr int kWayCount = sizeof kWays / sizeof kWays[0];

}  // namespace

extern "C" const char* gather_way(int way) { return way >= 0 && way < kWayCount ? kWays[way].name : nullptr; }

// Queues one way on the default stream. `count` is a multiple of 4, `places` and `out` lie at multiples of 16 bytes.
// Returns a cudaError_t.
extern "C" int gather(int way, const void* table, uint32_t items, const void* places, uint64_t count, void* out) {
  int device = 0, multiprocessors = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
  kWays[way].kernel<<<multiprocessors * 8, kThreads>>>(static_cast<const uint2*>(table), items,
                                                       static_cast<const uint4*>(places), count / 4,
                                                       static_cast<uint4*>(out));
  return cudaGetLastError();
}
