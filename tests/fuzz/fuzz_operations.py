"""Everything that is fuzzed, by name."""

from __future__ import annotations

import fuzz_bytes
import fuzz_labels
import fuzz_samplers
import fuzz_sources
from fuzz_campaign import Operation

_ALL = (*fuzz_sources.ALL, *fuzz_samplers.ALL, *fuzz_labels.ALL, *fuzz_bytes.ALL)

BY_NAME: dict[str, Operation] = {operation.__name__: operation for operation in _ALL}
