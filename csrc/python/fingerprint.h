// Fingerprints as Python has them: 32 hexadecimal digits.
#pragma once

#include <string>

#include "core/fingerprint.h"

namespace pysampler::python {

std::string to_hex(Fingerprint fingerprint);

// The fingerprint of two things that belong together, in this order. ValueError for what is no fingerprint.
std::string combined_fingerprint(const std::string& first, const std::string& second);

}  // namespace pysampler::python
