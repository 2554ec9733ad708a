// The random-gather limit: how fast this machine reads 8-byte entries at random places of a table and
// stores them in order. The places are precomputed, so nothing but memory is at work; a sampler that
// looks up one entry per draw cannot be faster unless it changes the order of its look-ups.

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int64_t kBlock = 8;  // Entries per step: one 64-byte line of output.

// Loads of one block as separate instructions, left to the out-of-order core to overlap.
struct ScalarLoads {
    static void load(const int64_t* table, const uint32_t* index, int64_t* block) {
        for (int lane = 0; lane < kBlock; ++lane) block[lane] = table[index[lane]];
    }
};

// Loads of one block as hardware gathers. Indices are widened first: they may exceed 2^31.
struct VectorLoads {
    static void load(const int64_t* table, const uint32_t* index, int64_t* block) {
#if defined(__AVX512F__)
        const __m256i narrow = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
        _mm512_store_si512(block, _mm512_i64gather_epi64(_mm512_cvtepu32_epi64(narrow), table, 8));
#elif defined(__AVX2__)
        const auto* entries = reinterpret_cast<const long long*>(table);
        for (int half = 0; half < 2; ++half) {
            const __m128i narrow = _mm_loadu_si128(reinterpret_cast<const __m128i*>(index) + half);
            _mm256_store_si256(reinterpret_cast<__m256i*>(block) + half,
                               _mm256_i64gather_epi64(entries, _mm256_cvtepu32_epi64(narrow), 8));
        }
#else
        ScalarLoads::load(table, index, block);
#endif
    }
};

struct CachedStores {
    static void store(const int64_t* block, int64_t* out) {
        for (int lane = 0; lane < kBlock; ++lane) out[lane] = block[lane];
    }
    static void finish() {}
};

// Stores past the caches: the output is not read again here, and the table keeps its cache lines.
struct StreamingStores {
    static void store(const int64_t* block, int64_t* out) {
#if defined(__AVX512F__)
        _mm512_stream_si512(reinterpret_cast<__m512i*>(out), _mm512_load_si512(block));
#elif defined(__x86_64__)
        for (int lane = 0; lane < kBlock; ++lane)
            _mm_stream_si64(reinterpret_cast<long long*>(out) + lane, block[lane]);
#else
        CachedStores::store(block, out);
#endif
    }
    static void finish() {
#if defined(__x86_64__)
        _mm_sfence();
#endif
    }
};

constexpr int kNoPrefetch = -1;

template <int kLocality>
void prefetch(const int64_t* entry) {
    // Locality 3, 2, 1, 0 is PREFETCHT0, T1, T2, NTA on x86-64.
    if constexpr (kLocality != kNoPrefetch) __builtin_prefetch(entry, 0, kLocality);
}

template <class Loads, class Stores, int kLocality>
void gather(const int64_t* table, const uint32_t* index, int64_t count, int64_t* out,
            int64_t distance) {
    const int64_t blocks_end = count - count % kBlock;
    const int64_t ahead_end = blocks_end > distance ? blocks_end - distance : 0;
    alignas(64) int64_t block[kBlock];
    int64_t i = 0;
    for (; i < ahead_end; i += kBlock) {
        for (int lane = 0; lane < kBlock; ++lane)
            prefetch<kLocality>(&table[index[i + distance + lane]]);
        Loads::load(table, index + i, block);
        Stores::store(block, out + i);
    }
    for (; i < blocks_end; i += kBlock) {
        Loads::load(table, index + i, block);
        Stores::store(block, out + i);
    }
    for (; i < count; ++i) out[i] = table[index[i]];
    Stores::finish();
}

using Kernel = void (*)(const int64_t*, const uint32_t*, int64_t, int64_t*, int64_t);

template <class Loads, class Stores>
Kernel kernel_for(int locality) {
    switch (locality) {
        case kNoPrefetch: return gather<Loads, Stores, kNoPrefetch>;
        case 0: return gather<Loads, Stores, 0>;
        case 1: return gather<Loads, Stores, 1>;
        case 2: return gather<Loads, Stores, 2>;
        case 3: return gather<Loads, Stores, 3>;
        default: return nullptr;
    }
}

Kernel kernel_for(int vector_loads, int streaming, int locality) {
    if (vector_loads)
        return streaming ? kernel_for<VectorLoads, StreamingStores>(locality)
                         : kernel_for<VectorLoads, CachedStores>(locality);
    return streaming ? kernel_for<ScalarLoads, StreamingStores>(locality)
                     : kernel_for<ScalarLoads, CachedStores>(locality);
}

}  // namespace

// Stores table[index[i]] in out[i] for i in [0, count), split evenly over `threads` threads.
// `out` is 64-byte aligned and `distance` a multiple of 8; returns 0, or -1 for an unknown locality.
extern "C" int gather_limit(const int64_t* table, const uint32_t* index, int64_t count,
                            int64_t* out, int vector_loads, int streaming, int locality,
                            int64_t distance, int threads) {
    const Kernel kernel = kernel_for(vector_loads, streaming, locality);
    if (kernel == nullptr) return -1;
    // Shares are whole blocks, so every share of the output starts on a line of its own.
    const int64_t share = (count / threads + kBlock - 1) / kBlock * kBlock;
    std::vector<std::thread> others;
    for (int thread = 1; thread < threads; ++thread) {
        const int64_t begin = share * thread < count ? share * thread : count;
        const int64_t end = begin + share < count ? begin + share : count;
        others.emplace_back(kernel, table, index + begin, end - begin, out + begin, distance);
    }
    kernel(table, index, share < count ? share : count, out, distance);
    for (std::thread& other : others) other.join();
    return 0;
}
