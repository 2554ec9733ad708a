"""Prioritised replay: a batch drawn and its priorities updated, beside torchrl's own sampler."""

from __future__ import annotations

import importlib
import itertools
from typing import Any

import numpy as np
import torch

from ..records import Case
from ..session import Session
from ..timing import Call, Unavailable

UNIT = "us/batch"
BATCHES = (32, 256, 2048)
ALPHA, BETA = 0.6, 0.4
_HOW = "draw a batch with its importance weights, then give its items new priorities"


class FullStorage:
    """What a sampler of torchrl asks of a storage that holds ``items`` transitions."""

    ndim = 1
    device = torch.device("cpu")

    def __init__(self, items: int) -> None:
        self._items = items
        self.shape = (items,)

    def __len__(self) -> int:
        return self._items


def run(session: Session) -> None:
    """Samplers over a full buffer, one thread, at the sizes that buffers have."""
    for items in [items for items in session.settings.items if 10_000 <= items <= 10_000_000]:
        for batch in BATCHES:
            case: Case = {"items": items, "batch": batch}
            if not session.begin("replay", case, items * 50):
                continue
            calls = []
            for name, make in (("pysampler", _ours), ("torchrl PrioritizedSampler", _theirs)):
                try:
                    calls.append(_call(name, make(items), items, batch))
                except Unavailable as reason:
                    session.skip("replay", case, name, UNIT, str(reason))
            session.compare("replay", case, calls, UNIT)


def _call(name: str, sampler: Any, items: int, batch: int) -> Call:
    rng = np.random.default_rng(1)
    sampler.update_priority(torch.arange(items), torch.from_numpy(rng.random(items, dtype=np.float32)))
    storage = FullStorage(items)
    errors = itertools.cycle([torch.from_numpy(rng.random(batch, dtype=np.float32)) for _ in range(64)])

    def draw_and_update() -> None:
        index, _ = sampler.sample(storage, batch)
        sampler.update_priority(index, next(errors))

    return Call(name, draw_and_update, 1, how=_HOW)


def _ours(items: int) -> Any:
    return _module("pysampler.integrations.torchrl").PrioritizedSampler(items, alpha=ALPHA, beta=BETA)


def _theirs(items: int) -> Any:
    try:
        return _module("torchrl.data").PrioritizedSampler(items, alpha=ALPHA, beta=BETA)
    except RuntimeError as error:  # its compiled trees were built for another torch
        raise Unavailable(f"torchrl: {error}") from None


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(f"cannot be imported ({error})") from None
