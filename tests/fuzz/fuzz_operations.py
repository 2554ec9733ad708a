"""Everything that is fuzzed, by name."""

from __future__ import annotations

import fuzz_bytes
import fuzz_labels
import fuzz_samplers
import fuzz_sources
import fuzz_threads
from fuzz_campaign import Operation

SLOW: tuple[Operation, ...] = (
    fuzz_labels.forecast,
    fuzz_labels.simulate,
    fuzz_bytes.files,
    *fuzz_threads.ALL,
    *fuzz_threads.SLOW,
)  # milliseconds each

_ALL = (*fuzz_sources.ALL, *fuzz_samplers.ALL, *fuzz_labels.ALL, *fuzz_bytes.ALL, *fuzz_threads.ALL, *fuzz_threads.SLOW)

BY_NAME: dict[str, Operation] = {operation.__name__: operation for operation in _ALL}
