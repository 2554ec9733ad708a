"""The random-gather limit: the figure no sampler with one look-up per draw can beat."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .buffers import huge_array
from .shim import load_shim
from .timing import Call, Plan, interleave

LOCALITIES = {"none": -1, "NTA": 0, "T2": 1, "T1": 2, "T0": 3}
PREFETCHES = (
    ("none", 0),
    ("T0", 16),
    ("T0", 64),
    ("T0", 128),
    ("T1", 64),
    ("T2", 64),
    ("T2", 128),
    ("T2", 256),
    ("NTA", 64),
)
TUNING_DRAWS = 2_000_000
CHUNK = 1 << 22  # Entries filled at a time: the table may take a third of the memory.


@dataclass(frozen=True)
class Variant:
    """One way of gathering."""

    vector_loads: bool
    streaming: bool
    hint: str
    distance: int

    def __str__(self) -> str:
        loads = "vector" if self.vector_loads else "scalar"
        stores = "streaming" if self.streaming else "cached"
        return f"{loads} loads, prefetch {self.hint} {self.distance} ahead, {stores} stores"


VARIANTS = tuple(
    Variant(vector_loads, streaming, hint, distance)
    for vector_loads in (False, True)
    for streaming in (False, True)
    for hint, distance in PREFETCHES
)


class GatherLimit:
    """A table of 8-byte entries in huge pages and the places to read.

    Args:
        items: Entries of the table, below 2^32.
        out: int64 array in huge pages that receives the entries; as many are gathered.

    Raises:
        Unavailable: If the C++ source cannot be compiled here.
    """

    def __init__(self, items: int, out: npt.NDArray[np.int64]) -> None:
        self._function: Any = load_shim("gather_limit.cpp").gather_limit
        self._table = huge_array(items, np.int64)
        for begin in range(0, items, CHUNK):
            share = self._table[begin : begin + CHUNK]
            share[:] = np.arange(begin, begin + len(share))
        self._index = huge_array(len(out), np.uint32)
        rng = np.random.default_rng(7)
        for begin in range(0, len(out), CHUNK):
            share = self._index[begin : begin + CHUNK]
            share[:] = rng.integers(0, items, len(share), dtype=np.uint32)
        self._out = out

    def gather(self, variant: Variant, count: int, threads: int) -> None:
        """Reads the first `count` places into the output."""
        status = self._function(
            ctypes.c_void_p(self._table.ctypes.data),
            ctypes.c_void_p(self._index.ctypes.data),
            ctypes.c_int64(count),
            ctypes.c_void_p(self._out.ctypes.data),
            ctypes.c_int(variant.vector_loads),
            ctypes.c_int(variant.streaming),
            ctypes.c_int(LOCALITIES[variant.hint]),
            ctypes.c_int64(variant.distance),
            ctypes.c_int(threads),
        )
        if status:
            raise ValueError(f"gather_limit.cpp knows no prefetch hint {variant.hint!r}")

    def clear(self) -> None:
        """Wipes the output, so that the next check sees only the next gather."""
        self._out.fill(-1)

    def is_right(self) -> bool:
        """Whether the output holds what numpy's indexing gives."""
        return bool(np.array_equal(self._out, self._table[self._index]))

    def contenders(self, threads: int, best: int = 3) -> list[Call]:
        """The fastest variants of a short trial, to be timed again beside the others.

        The limit is the lowest of their medians: choosing it from the trial alone would let one
        lucky or unlucky moment decide.
        """
        count = min(len(self._out), TUNING_DRAWS)
        calls = [self._call(variant, count, threads) for variant in VARIANTS]
        trial = interleave(calls, Plan(rounds=2, block_s=0.0, budget_s=0.5))
        order = sorted(range(len(VARIANTS)), key=lambda which: min(trial[which]))
        return [self._call(VARIANTS[which], len(self._out), threads) for which in order[:best]]

    def _call(self, variant: Variant, count: int, threads: int) -> Call:
        return Call(
            name="gather limit",
            call=lambda: self.gather(variant, count, threads),
            work=count,
            threads=threads,
            how=str(variant),
        )
