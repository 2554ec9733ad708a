"""DataLoader loops: ns per index through a real DataLoader over a dataset that does nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset
from torch.utils.data import WeightedRandomSampler as TorchWeightedRandomSampler

import pysampler

from ..records import Case
from ..session import Session
from ..timing import Call
from ..weight_families import make_weights
from .loops import BATCH, UNIT, drain


class IndexDataset(Dataset[int]):
    """Gives every index back: no image is loaded, so that the sampler shows."""

    def __init__(self, items: int) -> None:
        self._items = items

    def __len__(self) -> int:
        return self._items

    def __getitem__(self, index: int) -> int:
        return index


def keep_list(batch: list[int]) -> list[int]:
    """A collate function that does nothing."""
    return batch


def run(session: Session) -> None:
    """One pass of N indices, with no worker and with two; workers stand before the clock starts."""
    items = session.settings.loader_items
    for workers in (0, 2):
        case: Case = {"items": items, "batch": BATCH, "workers": workers}
        if session.begin("loaders", case):
            session.compare("loaders", case, loader_contenders(items, workers), UNIT)


def loader_contenders(items: int, workers: int) -> list[Call]:
    """The same loader around torch's sampler, ours, and our batch sampler."""
    weights = torch.from_numpy(make_weights(items))
    dataset = IndexDataset(items)
    theirs = TorchWeightedRandomSampler(weights, items)  # type: ignore[arg-type]
    ours = pysampler.WeightedRandomSampler(pysampler.AliasTable(weights), items)

    def loader(**samplers: Any) -> DataLoader[int]:
        return DataLoader(
            dataset,
            collate_fn=keep_list,
            num_workers=workers,
            persistent_workers=workers > 0,
            **samplers,
        )

    loaders = {
        "pysampler, batch_sampler=": loader(batch_sampler=pysampler.WeightedBatchSampler(ours, BATCH)),
        "pysampler, sampler=": loader(sampler=ours, batch_size=BATCH),
        "torch, sampler=": loader(sampler=theirs, batch_size=BATCH),
        "fixed batches (floor)": loader(batch_sampler=BatchSampler(range(items), BATCH, drop_last=False)),
    }
    how = "trivial dataset, collate_fn returns the list"
    return [
        Call(name, lambda each=each: drain(each), items, how=how)  # type: ignore[misc]
        for name, each in loaders.items()
    ]
