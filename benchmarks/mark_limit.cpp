// The marking limit: how fast this machine sets bits at random places of a bitmap. The places are precomputed and
// nobody looks whether they lie inside, so nothing but the read-modify-write itself is at work.

#include <algorithm>
#include <cstdint>

namespace {

void mark(uint64_t* words, const int64_t* index, int64_t count) {
    for (int64_t i = 0; i < count; ++i) words[index[i] / 64] |= uint64_t{1} << index[i] % 64;
}

}  // namespace

extern "C" void mark_limit(uint64_t* words, const int64_t* index, int64_t count, int64_t ahead) {
    if (ahead == 0) return mark(words, index, count);
    const int64_t end = std::max<int64_t>(count - ahead, 0);
    for (int64_t i = 0; i < end; ++i) {
        __builtin_prefetch(words + index[i + ahead] / 64, 1);
        words[index[i] / 64] |= uint64_t{1} << index[i] % 64;
    }
    mark(words, index + end, count - end);
}
