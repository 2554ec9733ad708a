#include "python/fingerprint.h"

#include <pybind11/pybind11.h>

#include <cstdio>

namespace pysampler::python {
namespace {

Fingerprint from_hex(const std::string& digits) {
  if (digits.size() != 32 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw pybind11::value_error("a fingerprint has 32 hexadecimal digits, but got \"" + digits + "\"");
  }
  return {std::stoull(digits.substr(16), nullptr, 16), std::stoull(digits.substr(0, 16), nullptr, 16)};
}

}  // namespace

std::string to_hex(Fingerprint fingerprint) {
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(fingerprint.high),
                static_cast<unsigned long long>(fingerprint.low));
  return digits;
}

std::string combined_fingerprint(const std::string& first, const std::string& second) {
  return to_hex(combine(from_hex(first), from_hex(second)));
}

}  // namespace pysampler::python
