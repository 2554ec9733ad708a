"""What integrations share, without any framework: finding the sampler in a loader, counting steps."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from oracle import flat
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.distributed import DistributedSampler

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)
from pysampler.integrations import sampler_of
from pysampler.integrations.loaders import batch_size_of
from pysampler.integrations.progress import Progress

ITEMS = list(range(30))
TABLE = AliasTable(torch.arange(1.0, 31.0))


class Layer:
    """What frameworks wrap around batch samplers."""

    def __init__(self, batch_sampler: Any) -> None:
        self.batch_sampler = batch_sampler
        self.batch_size = batch_sampler.batch_size


def test_the_sampler_is_found_through_every_layer() -> None:
    sampler = DistributedWeightedSampler(TABLE, 20)
    batches = DistributedWeightedBatchSampler(TABLE, 20, batch_size=4)
    weighted = WeightedBatchSampler(sampler, 4)
    for loader, expected in [
        (DataLoader(ITEMS, 4, sampler=sampler), sampler),  # type: ignore[arg-type]
        (DataLoader(ITEMS, batch_sampler=weighted), sampler),  # type: ignore[arg-type]
        (DataLoader(BatchedDataset(ITEMS), sampler=batches, batch_size=None), batches),
        (DataLoader(ITEMS, batch_sampler=batches), batches),  # type: ignore[arg-type]
        (DataLoader(ITEMS, batch_sampler=Layer(Layer(weighted))), sampler),  # type: ignore[arg-type]
    ]:
        assert sampler_of(loader) is expected
        assert batch_size_of(loader) == 4
    assert batch_size_of(DataLoader(ITEMS, sampler=sampler, batch_size=None)) == 1  # type: ignore[arg-type]


class Wrapper(DistributedSampler[int]):
    """A framework's own, around somebody's sampler."""

    def __init__(self, sampler: Any) -> None:
        super().__init__(sampler, 2, 0)
        self.sampler = sampler


class Stream(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(ITEMS)


def test_a_sampler_that_is_not_there_is_an_error_that_names_what_is() -> None:
    for sampler, name in [
        (torch.utils.data.RandomSampler(ITEMS), "RandomSampler"),
        (torch.utils.data.WeightedRandomSampler([1.0], 1), "WeightedRandomSampler"),
        (Wrapper(WeightedRandomSampler(TABLE)), "Wrapper"),
    ]:
        with pytest.raises(
            TypeError, match=f"draws from {name}, not from a sampler of pysampler: the weights are lost"
        ):
            sampler_of(DataLoader(ITEMS, sampler=sampler))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the weights are lost"):
        sampler_of(DataLoader(Stream()))
    with pytest.raises(TypeError, match="list has no sampler"):
        sampler_of([1, 2])


@pytest.mark.parametrize("world", [1, 2, 3])
def test_progress_counts_on_after_a_resume_on_other_ranks(world: int) -> None:
    """3 steps of 2 ranks with 4 each are 24 of 60; then 2 of ``world`` ranks with 5 each."""
    first = Progress(WeightedRandomSampler(TABLE, 60, seed=0), 8)
    for _ in range(3):
        first.step()
    samplers = [DistributedWeightedSampler(TABLE, 60, world, rank) for rank in range(world)]
    for sampler in samplers:
        again = Progress(sampler, 5 * world)
        again.load_state_dict(first.state_dict())
        assert again.state_dict() == first.state_dict()
        iterator = iter(sampler)
        for _ in range(12):  # prefetched
            next(iterator)
        again.step()
        again.step()
        state = again.state_dict()
        assert (state["epoch"], state["position"]) == (0, 24 + 10 * world)
    alone = WeightedRandomSampler(TABLE, 60, seed=0)
    alone.load_state_dict(state)
    assert list(alone) == TABLE.draw(60, seed=0).tolist()[24 + 10 * world :]


def test_progress_ends_at_the_epochs_end() -> None:
    sampler = WeightedRandomSampler(TABLE, 10, seed=0)
    progress = Progress(sampler, 4)
    received = flat([index] for index in sampler)
    for _ in range(3):
        progress.step()
    assert progress.state_dict()["position"] == len(received) == 10
    progress.begin()
    sampler.set_epoch(1)
    progress.step()
    assert (progress.state_dict()["epoch"], progress.state_dict()["position"]) == (1, 4)
    progress.finish()
    assert progress.state_dict()["position"] == 10
    progress.load_state_dict(progress.state_dict())
    assert (progress.state_dict()["epoch"], progress.state_dict()["position"]) == (2, 0)


def test_weights_of_another_number_of_items_than_the_dataset_are_seen() -> None:
    weights_of_classes = torch.tensor([0.5, 2.0, 1.0])
    loader = DataLoader(ITEMS, 4, sampler=WeightedRandomSampler(weights_of_classes, 30))  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match="draws from 3 items, but the dataset has 30.* weights of classes"):
        sampler_of(loader)
    batches = WeightedBatchSampler(WeightedRandomSampler(TABLE, 20), 4)
    with pytest.raises(ValueError, match="draws from 30 items, but the dataset has 29"):
        sampler_of(DataLoader(ITEMS[:29], batch_sampler=batches))  # type: ignore[arg-type]
    labels = torch.arange(30) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler_of(DataLoader(ITEMS, 4, sampler=WeightedRandomSampler(weights_of_classes[labels])))  # type: ignore[arg-type]
        sampler_of(DataLoader(BatchedDataset(ITEMS), sampler=DistributedWeightedBatchSampler(TABLE, batch_size=2),
                              batch_size=None))  # fmt: skip
