"""Watches one library begin a run over a mixture. Run as a process of its own; prints JSON.

python -m benchmarks.mixture_watcher "PEER" SOURCES DRAWS FOLDER
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .mixture_peers import PEERS, Build
from .pass_watcher import PeakMemory, resident_bytes
from .timing import Unavailable

SHORT_MS = 20  # what takes less is timed again, this often:
REPEATS = 15
DRAINED_S = 1.5
CHUNK = 1000


def watch(name: str, sources: int, draws: int, folder: Path) -> dict[str, float | str]:
    """Builds, takes the first index, drains for a moment.

    Returns:
        "first_ms": from standing data to the first index, time of the processor; "wall_ms": the same by the clock;
        "peak_mb": memory over what the data took; "ns": from then on per index, time of the processor.
        Or "unavailable": why not.
    """
    try:
        build = PEERS[name](sources, draws, folder)
    except Unavailable as reason:
        return {"unavailable": str(reason)}
    gc.collect()
    standing = resident_bytes()
    with PeakMemory() as memory:
        indices, *first = _begun(build)
    peak = max(0, memory.peak_bytes - standing)
    times = [first]
    while first[0] < SHORT_MS and len(times) <= REPEATS:
        indices, *again = _begun(build)
        times.append(again)
    taken, got, begun, cpu = 0, CHUNK, time.perf_counter(), time.process_time()
    while time.perf_counter() - begun < DRAINED_S and got == CHUNK:  # a run may be shorter than asked for
        got = sum(1 for _ in itertools.islice(indices, CHUNK))
        taken += got
    passed = time.process_time() - cpu
    wall, cpu_ms = (statistics.median(column) for column in zip(*times, strict=True))
    return {"wall_ms": wall, "first_ms": cpu_ms, "peak_mb": peak / 1e6, "ns": passed / max(taken, 1) * 1e9}


def _begun(build: Build) -> tuple[Iterator[Any], float, float]:
    """Builds and takes the first index; also returns the milliseconds that passed, and those of the processor."""
    begun, cpu = time.perf_counter(), time.process_time()
    indices = build()
    next(indices)
    return indices, (time.perf_counter() - begun) * 1e3, (time.process_time() - cpu) * 1e3


if __name__ == "__main__":
    print(json.dumps(watch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))), flush=True)
    os._exit(0)  # threads that some libraries leave behind would complain of files that are gone
