"""Mixtures of sources: what an index costs, how soon a run begins, and what it takes in memory, beside peers."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import torch

import pysampler

from ..environment import ROOT
from ..mixture_peers import HOW, PEERS, WINDOW, greedy_arrays, shares_of, sizes_of
from ..records import Case
from ..session import Session
from ..shim import load_shim
from ..timing import Call, Unavailable

CHUNK = 1_000_000  # positions of a call
GREEDY = "greedy index build, C++"
FAR = 10**12
STEPS = (1, 8, 64, 256, 1024, 4096)  # of one rank of so many
MOST_COMPARISONS = 4 * 10**9  # of a greedy build: sources times positions
BUILDERS = (GREEDY, "Megatron build_blending_indices")
MOST_DRAWS = {  # for the time and memory of a benchmark
    "datasets interleave_datasets": 10_000_000,
    "mosaicml-streaming": 10_000_000,
    "LitData CombinedStreamingDataset": 10_000_000,
}
MOST_SOURCES = {"datasets interleave_datasets": 10, "mosaicml-streaming": 10, "LitData CombinedStreamingDataset": 10}
ROUNDS = 2
LONG_MS = 20_000  # what takes longer is done once


class CpuCall(Call):
    """A call whose time is the processor's, of the thread: others that use the machine hardly count."""

    def block_ns(self, loops: int) -> int:
        """Runs `loops` calls and returns the nanoseconds that the thread ran."""
        begun = time.thread_time_ns()
        for _ in range(loops):
            self.call()
        return time.thread_time_ns() - begun


def run(session: Session) -> None:
    """Nanoseconds of the processor an index: consecutive positions, every R-th, and a greedy build's; and to begin."""
    for sources in (10, 1_000, 10_000):
        case: Case = {"sources": sources}
        if session.begin("mixture", case, 64 * CHUNK):
            contenders = [_draws(sources, step) for step in STEPS]
            try:
                contenders.append(_greedy(sources))
            except Unavailable as reason:
                session.skip("mixture", case, GREEDY, "ns/index", str(reason))
            session.compare("mixture", case, contenders, "ns/index")
        case = {"sources": sources, "position": FAR}
        if session.begin("mixture-first", case):
            session.compare("mixture-first", case, [_first(sources)], "us/pass")
        case = {"sources": sources}
        if session.begin("mixture-made", case):
            session.compare("mixture-made", case, [_made(sources)], "ms/pass")


def run_peers(session: Session) -> None:
    """From standing data to the first index, and on: each library in processes of its own."""
    quick = session.settings.name == "quick"
    cases = [(10, 100_000)] if quick else [(10, 10**7), (10_000, 10**6)]
    for sources, draws in cases:
        case: Case = {"sources": sources, "draws": draws}
        if not session.begin("mixture-peers", case, 40 * draws):
            continue
        for name in PEERS:
            _watch(session, name, case, sources, draws)


def _watch(session: Session, name: str, case: Case, sources: int, draws: int) -> None:
    reason = None
    if draws > MOST_DRAWS.get(name, draws) or sources > MOST_SOURCES.get(name, sources):
        reason = "would take too long or too much memory for a benchmark"
    elif name in BUILDERS and sources * draws > 3 * MOST_COMPARISONS:
        reason = f"{sources * draws:.0e} comparisons would take too long for a benchmark"
    found: list[dict[str, Any]] = []
    rounds = 1 if session.settings.name == "quick" else ROUNDS
    while reason is None and len(found) < rounds and not (found and found[-1]["wall_ms"] > LONG_MS):
        try:
            done = _watched(name, sources, draws)
        except subprocess.CalledProcessError as error:
            reason = f"its process failed: {error.stderr.strip().splitlines()[-1:]}"
        except subprocess.TimeoutExpired:
            reason = "took more than 300 s"
        else:
            seen = json.loads(done.splitlines()[-1])
            reason = seen.get("unavailable")
            found.append(seen)
    if reason is not None:
        session.skip("mixture-peers", case, name, "ms", reason)
        return
    figures = (
        ("first_ms", "peers", "ms"),
        ("wall_ms", "peers-wall", "ms"),
        ("ns", "peers-index", "ns/index"),
        ("peak_mb", "memory", "MB"),
    )
    for key, group, unit in figures:
        session.add(f"mixture-{group}", case, name, unit, rounds=[each[key] for each in found], how=HOW[name])


def _watched(name: str, sources: int, draws: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "benchmarks.mixture_watcher", name, str(sources), str(draws), folder)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    return done.stdout


def _mixture(sources: int) -> pysampler.Mixture:
    return pysampler.Mixture(sizes_of(sources, 10**9), shares_of(sources).tolist(), window=WINDOW)


def _draws(sources: int, step: int) -> CpuCall:
    passed = _mixture(sources).epoch(0, 0, 2**60)
    count = CHUNK if step == 1 else CHUNK // 20
    out = torch.empty(count, dtype=torch.int64)
    position = 0

    def draw() -> None:
        nonlocal position
        passed.draw_into(out.data_ptr(), count, position, step, 1)
        position += count * step

    draw()  # each source has been touched once
    name = "pysampler" if step == 1 else f"pysampler, every {step}th"
    return CpuCall(name, draw, count, how=f"draws of one stream, {count:.0e} a call, going on where the last one ended")


def _greedy(sources: int) -> CpuCall:
    function = load_shim("mixture_greedy.cpp").mixture_greedy
    shares = shares_of(sources)
    count = max(1000, min(CHUNK, MOST_COMPARISONS // 40 // sources))
    arrays = np.empty(count, np.int16), np.empty(count, np.int64)
    return CpuCall(
        GREEDY,
        lambda: greedy_arrays(function, shares, *arrays),
        count,
        how=f"{count:.0e} positions from the beginning",
    )


def _first(sources: int) -> CpuCall:
    mixture = _mixture(sources)
    out = torch.empty(1, dtype=torch.int64)
    return CpuCall(
        "pysampler",
        lambda: mixture.draw(1, seed=0, start=FAR, out=out),
        1,
        how="draw of one index at position 1e12, nothing known from before",
    )


def _made(sources: int) -> CpuCall:
    return CpuCall("pysampler", lambda: _mixture(sources), 1, how="Mixture() of sizes and float shares")
