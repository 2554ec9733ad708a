// Tables keep their fingerprints, on every target. A change here breaks every saved state and belongs in the CHANGELOG;
// to accept it, put the printed lines in table_kat.txt.
#include <cstdio>
#include <string>
#include <vector>

#include "known_answers.h"
#include "table_checks.h"
#include "targets.h"
#include "weight_families.h"

namespace pysampler {
namespace {

std::string fingerprint_line(const WeightFamily& family, uint64_t items, Target target) {
  const std::vector<AliasEntry> table = table_of(family.weights(items), target);
  const Fingerprint print = fingerprint({table.data(), items});
  char digits[80];
  std::snprintf(digits, sizeof digits, "%016llx %016llx %llu", static_cast<unsigned long long>(print.low),
                static_cast<unsigned long long>(print.high), static_cast<unsigned long long>(items));
  return std::string(digits) + " " + family.name;
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

void test_tables_keep_their_fingerprints() {
  const auto rows = known_answers("table_kat.txt");
  size_t row = 0;
  for (const WeightFamily& family : weight_families()) {
    for (const uint64_t items : {1000, 66000}) {
      const std::string expected = row < rows.size() ? joined(rows[row]) : "";
      ++row;
      for_each_target([&](Target target) {
        const std::string found = fingerprint_line(family, items, target);
        if (found != expected) std::fprintf(stderr, "%s\n", found.c_str());
        CHECK(found == expected);
      });
    }
  }
  CHECK(row == rows.size());
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_tables_keep_their_fingerprints);
  return finish_tests();
}
