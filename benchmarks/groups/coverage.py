"""Coverage: marking beside the fastest random read-modify-writes, and audits beside the draws they repeat."""

from __future__ import annotations

import ctypes
from functools import partial

import numpy as np
import torch

from pysampler import AliasTable, CoverageTracker, audit_coverage

from ..records import Case
from ..session import Session
from ..shim import load_shim
from ..timing import Call, Unavailable
from ..weight_families import make_weights

UNIT = "ns/index"
THREADS = (1, 2)
MARKS = 10_000_000
LIMIT = "marking limit"
DISTANCES = (0, 16, 32, 64)


def run(session: Session) -> None:
    """Random indices into a tracker without counts, once N is the size of a training set; and 1e9 with all else."""
    sizes = [items for items in session.settings.items if items >= 1_000_000]
    for items in [*sizes, 1_000_000_000] if max(sizes) > 1_000_000 else sizes:
        case: Case = {"items": items, "indices": MARKS}
        if not session.begin("marking", case, items // 4 + 8 * MARKS):
            continue
        generator = torch.Generator().manual_seed(7)
        indices = torch.randint(items, (MARKS,), generator=generator)
        tracker = CoverageTracker(items, epochs=False)
        calls = [Call("pysampler", partial(tracker.update, indices), MARKS, threads) for threads in THREADS]
        try:
            calls += _limits(tracker, indices)
        except Unavailable as reason:
            session.skip("marking", case, LIMIT, UNIT, str(reason))
        session.compare("marking", case, calls, UNIT)


def _limits(tracker: CoverageTracker, indices: torch.Tensor) -> list[Call]:
    """The plain loop at several prefetch distances, on the tracker's own bitmap: the same pages for both."""
    function = load_shim("mark_limit.cpp").mark_limit
    with tracker._shared.settled() as store:
        words = store.words

    def mark(ahead: int) -> None:
        function(
            ctypes.c_void_p(words.ctypes.data),
            ctypes.c_void_p(indices.data_ptr()),
            ctypes.c_int64(len(indices)),
            ctypes.c_int64(ahead),
        )

    return [
        Call(LIMIT, partial(mark, ahead), len(indices), how=f"prefetch {ahead} ahead" if ahead else "no prefetch")
        for ahead in DISTANCES
    ]


def run_audits(session: Session) -> None:
    """An epoch redrawn and marked, beside the epoch drawn."""
    for items in session.settings.items:
        if items < 100_000:
            continue
        draws = session.settings.draws(items)
        case: Case = {"items": items, "draws": draws}
        if not session.begin("audits", case, 40 * items):
            continue
        table = AliasTable(make_weights(items))
        out = torch.from_numpy(np.empty(draws, np.int64))
        audit = partial(audit_coverage, table, seed=1, epochs=1, num_samples=draws)
        calls = []
        for threads in THREADS:
            calls.append(Call("audit_coverage", audit, draws, threads))
            calls.append(Call("the draws alone", partial(table.draw, draws, seed=1, out=out), draws, threads))
        session.compare("audits", case, calls, "ns/draw")
