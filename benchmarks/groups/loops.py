"""Sampler loops: ns per index for code that iterates a sampler, as a training loop does."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.utils.data import BatchSampler
from torch.utils.data import WeightedRandomSampler as TorchWeightedRandomSampler

import pysampler

from ..records import Case
from ..session import Session
from ..timing import Call
from ..weight_families import make_weights

UNIT = "ns/index"
BATCH = 256


def drain(items: Iterable[object]) -> None:
    """The loop itself, nothing inside."""
    for _ in items:
        pass


def run(session: Session) -> None:
    """`for index in sampler` and `for batch in batch_sampler`, one pass of N indices."""
    for items in session.settings.loop_items:
        case: Case = {"items": items, "batch": BATCH}
        if session.begin("loops", case, items * 100):
            session.compare("loops", case, loop_contenders(items), UNIT)


def loop_contenders(items: int) -> list[Call]:
    """Torch's and our samplers over the same weights, and the empty loop as the floor."""
    weights = torch.from_numpy(make_weights(items))
    theirs = TorchWeightedRandomSampler(weights, items)  # type: ignore[arg-type]
    table = pysampler.AliasTable(weights)
    ours = pysampler.WeightedRandomSampler(table, items)
    their_batches = BatchSampler(theirs, BATCH, drop_last=False)
    our_batches = pysampler.WeightedBatchSampler(ours, BATCH)
    return [
        Call("pysampler WeightedRandomSampler", lambda: drain(ours), items, how="table standing"),
        Call("torch WeightedRandomSampler", lambda: drain(theirs), items),
        Call(
            "pysampler WeightedBatchSampler",
            lambda: drain(our_batches),
            items,
            how="table standing",
        ),
        Call("torch BatchSampler", lambda: drain(their_batches), items),
        Call("empty loop over range", lambda: drain(range(items)), items, how="the floor"),
    ]
