"""First index: how long until a pass begins, and what memory a pass takes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import torch
from torch.utils.data import WeightedRandomSampler as TorchWeightedRandomSampler

import pysampler

from ..environment import ROOT
from ..peers import TORCH_LIMIT
from ..records import Case
from ..session import Session
from ..timing import Call
from ..weight_families import make_weights

UNIT = "us/pass"


def run(session: Session) -> None:
    """Microseconds from a standing table (torch: from weights) to the first index of N draws."""
    for items in session.settings.items:
        case: Case = {"items": items}
        if not session.begin("first-index", case, 60 * items):
            continue
        weights = torch.from_numpy(make_weights(items))
        contenders = [_ours(pysampler.AliasTable(weights))]
        if items <= TORCH_LIMIT:
            contenders.append(_theirs(weights))
        else:
            reason = "torch.multinomial refuses more than 2^24 categories"
            session.skip("first-index", case, "torch", UNIT, reason)
        session.compare("first-index", case, contenders, UNIT)


def _ours(table: pysampler.AliasTable) -> Call:
    def first() -> int:
        return next(iter(pysampler.WeightedRandomSampler(table, len(table))))

    return Call("pysampler", first, 1, how="sampler over a standing table, iter, first next")


def _theirs(weights: torch.Tensor) -> Call:
    def first() -> int:
        return next(iter(TorchWeightedRandomSampler(weights, len(weights))))  # type: ignore[arg-type]

    return Call("torch", first, 1, how="sampler over float64 weights, iter, first next")


def run_memory(session: Session) -> None:
    """Peak memory of a pass over what stood before it, each in a process of its own."""
    items = min(10_000_000, max(session.settings.loop_items))
    for library, draws in (("pysampler", session.settings.drained), ("torch", items)):
        case: Case = {"items": items, "draws": draws}
        if not session.begin("memory", case, 100 * items):
            continue
        try:
            seen = watch_pass(library, items, draws)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            session.skip("memory", case, library, "MB", f"the watched process failed: {error}")
            continue
        how = "resident memory while one iterator is drained, over what stood before it"
        session.add("memory", case, library, "MB", rounds=[seen["peak_mb"]], how=how)
        how = "once, in a new process that has imported torch"
        for step in ("import pysampler", "sampler from weights", "first index"):
            if library == "pysampler" or step != "import pysampler":
                session.add("cold-start", case, f"{library}: {step}", "ms", rounds=[seen[step]], how=how)


def watch_pass(library: str, items: int, draws: int) -> dict[str, Any]:
    """Drains one sampler in a new process.

    Returns:
        "peak_mb", and milliseconds of "import pysampler", "sampler from weights", "first index".
    """
    command = (sys.executable, "-m", "benchmarks.pass_watcher", library, str(items), str(draws))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen
