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
from pathlib import Path

from .mixture_peers import PEERS
from .pass_watcher import PeakMemory, resident_bytes
from .timing import Unavailable

SHORT_S = 0.02  # what takes less is timed again, this often:
REPEATS = 15
DRAINED_S = 1.5
CHUNK = 1000


def watch(name: str, sources: int, draws: int, folder: Path) -> dict[str, float | str]:
    """Builds, takes the first index, drains for a moment.

    Returns:
        "first_ms": from standing data to the first index; "peak_mb": memory over what the data took; "ns": from then on
        per index. Or "unavailable": why not.
    """
    try:
        build = PEERS[name](sources, draws, folder)
    except Unavailable as reason:
        return {"unavailable": str(reason)}
    gc.collect()
    standing = resident_bytes()
    with PeakMemory() as memory:
        begun = time.perf_counter()
        indices = build()
        next(indices)
        times = [time.perf_counter() - begun]
    peak = max(0, memory.peak_bytes - standing)
    if times[0] < SHORT_S:
        for _ in range(REPEATS):
            begun = time.perf_counter()
            indices = build()
            next(indices)
            times.append(time.perf_counter() - begun)
    taken, begun = 0, time.perf_counter()
    passed = 0.0
    got = CHUNK
    while passed < DRAINED_S and got == CHUNK:  # a run may be shorter than asked for
        got = 0
        for _ in itertools.islice(indices, CHUNK):
            got += 1
        taken += got
        passed = time.perf_counter() - begun
    return {"first_ms": statistics.median(times) * 1e3, "peak_mb": peak / 1e6, "ns": passed / max(taken, 1) * 1e9}


if __name__ == "__main__":
    print(json.dumps(watch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))), flush=True)
    os._exit(0)  # threads that some libraries leave behind would complain of files that are gone
