"""Bulk draws: as many draws as items from tables far larger than any cache."""

from __future__ import annotations

import gc
import itertools

import torch

import pysampler

from ..buffers import huge_array
from ..gather_limit import GatherLimit
from ..peers import PYSAMPLER, Problem
from ..records import Case
from ..session import Session
from ..timing import Call, Plan, Unavailable
from ..weight_families import make_weights

UNIT = "ns/draw"
PEAK_BYTES_PER_ITEM = 60
HUGE_ITEMS = 1_000_000_000
HUGE_DRAWS = 200_000_000
HUGE_BYTES = 21 * 10**9
HUGE_PLAN = Plan(rounds=3, block_s=0.0, budget_s=60)


def run(session: Session) -> None:
    """One call for k = N draws, beside the gather limit for as many gathers."""
    items = session.settings.bulk_items
    if not items:
        return
    case: Case = {"items": items, "draws": items, "family": "uniform"}
    if not session.begin("bulk", case, PEAK_BYTES_PER_ITEM * items):
        return
    problem = Problem(make_weights(items), items)
    draw = PYSAMPLER.prepare(problem)
    contenders = [Call(PYSAMPLER.name, lambda: draw(items), items, threads, PYSAMPLER.how) for threads in (1, 2)]
    try:
        limit = GatherLimit(items, problem.out)
    except Unavailable as reason:
        session.skip("bulk", case, "gather limit", UNIT, str(reason))
    else:
        contenders += limit.contenders(1, best=2) + limit.contenders(2, best=2)
    session.compare("bulk", case, contenders, UNIT)


def run_huge(session: Session) -> None:
    """N = 1e9, k = 2e8, by hand only. Not interleaved: memory holds one table at a time."""
    case: Case = {"items": HUGE_ITEMS, "draws": HUGE_DRAWS, "family": "uniform"}
    if not session.settings.huge or not session.begin("huge", case, HUGE_BYTES):
        return
    out = huge_array(HUGE_DRAWS, "int64")
    session.compare("huge", case, _huge_draws(session, torch.from_numpy(out)), UNIT, HUGE_PLAN)
    gc.collect()  # The table goes with the last contender that draws from it.
    try:
        limit = GatherLimit(HUGE_ITEMS, out)
    except Unavailable as reason:
        session.skip("huge", case, "gather limit", UNIT, str(reason))
        return
    variants = limit.contenders(1, best=2) + limit.contenders(2, best=2)
    session.compare("huge", case, variants, UNIT, HUGE_PLAN)


def _huge_draws(session: Session, out: torch.Tensor) -> list[Call]:
    table = pysampler.AliasTable(torch.from_numpy(make_weights(HUGE_ITEMS, dtype="float32")))
    gc.collect()
    session.say(f"    table of {table.nbytes / 1e9:.1f} GB stands")
    epochs = itertools.count()
    return [
        Call(
            PYSAMPLER.name,
            lambda: table.draw(HUGE_DRAWS, seed=1, epoch=next(epochs), out=out),
            HUGE_DRAWS,
            threads,
            PYSAMPLER.how,
            "float32 weights; the gather limit is measured after it, not in turns",
        )
        for threads in (1, 2)
    ]
