"""Watches the memory of one pass over a sampler. Run as a process of its own; prints JSON.

python -m benchmarks.pass_watcher {pysampler|torch}[-ranks] ITEMS DRAWS
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from .weight_families import make_weights

STATM = Path("/proc/self/statm")
INTERVAL_S = 0.002


def resident_bytes() -> int:
    """Memory of this process that is resident now (Linux)."""
    return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class PeakMemory:
    """Polls resident memory in a thread while it is entered; `peak_bytes` afterwards."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._poll)

    def _poll(self) -> None:
        while not self._done.wait(INTERVAL_S):
            self._look()

    def _look(self) -> None:
        self.peak_bytes = max(self.peak_bytes, resident_bytes())

    def __enter__(self) -> PeakMemory:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._look()
        self._done.set()
        self._thread.join()


def make_sampler(library: str, weights: torch.Tensor, draws: int) -> Iterable[int]:
    """A sampler of the library, imported here so that nothing else is loaded. "-ranks": as rank 3 of 8."""
    if library == "torch-ranks":
        module: Any = importlib.import_module("torch.utils.data")
        sampler: Iterable[int] = module.DistributedSampler(range(draws), 8, 3)
    elif library == "pysampler-ranks":
        module = importlib.import_module("pysampler")
        sampler = module.DistributedWeightedSampler(module.AliasTable(weights), draws, 8, 3)
    elif library == "torch":
        module = importlib.import_module("torch.utils.data")
        sampler = module.WeightedRandomSampler(weights, draws)
    else:
        module = importlib.import_module("pysampler")
        sampler = module.WeightedRandomSampler(module.AliasTable(weights), draws)
    return sampler


def main(library: str, items: int, draws: int) -> None:
    """Builds a sampler, drains one iterator, prints what was seen."""
    start = time.perf_counter()
    if library.startswith("pysampler"):
        importlib.import_module("pysampler")
    imported = time.perf_counter()
    weights = torch.from_numpy(make_weights(items))
    prepared = time.perf_counter()
    sampler = make_sampler(library, weights, draws)
    built = time.perf_counter()
    gc.collect()
    standing_bytes = resident_bytes()
    with PeakMemory() as memory:
        begun = time.perf_counter()
        indices = iter(sampler)
        next(indices)
        first = time.perf_counter()
        for _ in indices:
            pass
        # Still held here, so that a list handed out by the sampler counts.
    seen = {
        "peak_mb": max(0, memory.peak_bytes - standing_bytes) / 1e6,
        "import pysampler": (imported - start) * 1e3,
        "sampler from weights": (built - prepared) * 1e3,
        "first index": (first - begun) * 1e3,
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
