// A greedy index build: each position goes to the source that is furthest behind its share. That is how blended
// datasets build their index arrays (Megatron-LM's, for one); written anew here, to know what building them costs.

#include <cstdint>
#include <vector>

// Fills source[i] and number[i] for i < count: which source position i takes, and how many of it came before.
// The cost is count * sources comparisons: nothing can be known of a position before all earlier ones are.
extern "C" void mixture_greedy(const double* shares, int64_t sources, int64_t count, int16_t* source,
                               int64_t* number) {
    std::vector<double> behind(sources, 0.0);  // what each is owed: share times positions, less what it got
    std::vector<int64_t> taken(sources, 0);
    for (int64_t i = 0; i < count; ++i) {
        int64_t chosen = 0;
        double most = -1e300;
        for (int64_t s = 0; s < sources; ++s) {
            behind[s] += shares[s];
            if (behind[s] > most) {
                most = behind[s];
                chosen = s;
            }
        }
        behind[chosen] -= 1.0;
        source[i] = static_cast<int16_t>(chosen);
        number[i] = taken[chosen]++;
    }
}
