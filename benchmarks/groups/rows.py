"""Rows of weights seen once: multinomial beside torch's, from policies of two actions to vocabularies and data sets."""

from __future__ import annotations

import dataclasses
from functools import partial

import torch

import pysampler

from ..records import Case, ratio
from ..session import Session
from ..timing import Call, Plan

UNIT = "us/call"
GROUP = "rows"
OURS, THEIRS = "pysampler", "torch.multinomial"
ROWS = (1, 8, 64, 1024, 4096)
COLUMNS = (2, 10, 64, 1_000, 32_000, 151_936, 1_000_000, 10_000_000)
DRAWS = (1, 4, 32, 1_000, 100_000)
MOST_WEIGHTS = 200_000_000
MOST_DRAWN = 50_000_000  # more only measures how fast memory takes the output
QUICK_WEIGHTS = 2_000_000


def run(session: Session) -> None:
    """The grid rows x columns x draws, both modes, one and two threads, then rows with a long tail."""
    most = QUICK_WEIGHTS if session.settings.name == "quick" else MOST_WEIGHTS
    for columns in COLUMNS:
        for rows in ROWS:
            if rows * columns > most:
                continue
            for draws in DRAWS:
                _compare(session, rows, columns, draws, "uniform")
    for rows, columns in ((4096, 10), (64, 32_000), (8, 151_936)):
        _compare(session, rows, columns, 1, "softmax")
    _say_slowest(session)


def _weights(rows: int, columns: int, family: str) -> torch.Tensor:
    if family == "uniform":
        return torch.rand(rows, columns, generator=torch.Generator().manual_seed(1)) + 1e-3
    return (torch.randn(rows, columns, generator=torch.Generator().manual_seed(2)) * 8).softmax(dim=1)


def _compare(session: Session, rows: int, columns: int, draws: int, family: str) -> None:
    for replacement in (True, False):
        if rows * draws > MOST_DRAWN or (not replacement and draws > columns):
            continue
        case: Case = {"rows": rows, "columns": columns, "draws": draws, "replacement": str(replacement)}
        case |= {"weights": family}
        if not session.begin(GROUP, case, 30 * rows * columns + 24 * rows * draws):
            continue
        weights = _weights(rows, columns, family)
        contenders = [
            Call(name, partial(call, weights, draws, replacement), 1, threads, how="float32 weights, new output")
            for name, call in ((OURS, pysampler.multinomial), (THEIRS, torch.multinomial))
            for threads in (1, 2)
            if not (call is torch.multinomial and columns > 2**24)
        ]
        plan = session.settings.plan
        short = Plan(plan.rounds, min(plan.block_s, 0.003), min(plan.budget_s, 0.25))
        session.compare(GROUP, case, contenders, UNIT, short)


def _say_slowest(session: Session) -> None:
    found = []
    for ours in session.results.select(GROUP, OURS):
        theirs = session.results.find(GROUP, THEIRS, **ours.case)
        if ours.rounds and theirs:
            found.append((ratio(theirs, ours), theirs.median - ours.median, dataclasses.asdict(ours)["case"]))
    if found:
        speed, gained, case = min(found, key=lambda each: each[0])
        session.say(f"slowest cell: {speed:.2f}x torch ({gained:+.1f} us) at {case}")
