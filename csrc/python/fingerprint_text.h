// Fingerprints as Python sees them: 32 hex digits.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

#include "core/fingerprint.h"

namespace pysampler::python {

inline std::string fingerprint_text(const Fingerprint& value) {
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx", static_cast<unsigned long long>(value.high),
                static_cast<unsigned long long>(value.low));
  return digits;
}

// The reverse. Throws std::invalid_argument if `text` is no fingerprint.
inline Fingerprint fingerprint_from_text(const std::string& text) {
  if (text.size() != 32) throw std::invalid_argument("a fingerprint has 32 hex digits");
  Fingerprint value = {0, 0};
  value.high = std::stoull(text.substr(0, 16), nullptr, 16);
  value.low = std::stoull(text.substr(16), nullptr, 16);
  return value;
}

}  // namespace pysampler::python
