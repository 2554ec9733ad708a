"""Samplers of other items than the loader's dataset has: weights of classes for items, say. Seen when a pass begins."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from pysampler import (
    BatchedDataset,
    CoverageTracker,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    MPerClassSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
    class_weights,
)

LABELS = [0] * 40 + [1] * 10
DATA = list(range(50))


def of_classes(count: int | None = 50) -> WeightedRandomSampler:
    """The mistake: a weight for each class where there should be one for each item."""
    return WeightedRandomSampler(class_weights(LABELS), count, seed=0)


def loaders(sampler: Any) -> dict[str, Callable[[], Any]]:
    return {
        "sampler=": lambda: DataLoader(DATA, 5, sampler=sampler),
        "batch_sampler=": lambda: DataLoader(DATA, batch_sampler=WeightedBatchSampler(sampler, 5)),
        "batch_size=None": lambda: DataLoader(DATA, None, sampler=sampler),
        "whole batches": lambda: DataLoader(BatchedDataset(DATA), None, sampler=WeightedBatchSampler(sampler, 5)),
        "workers": lambda: DataLoader(DATA, 5, sampler=sampler, num_workers=1),
        "watched": lambda: DataLoader(DATA, 5, sampler=CoverageTracker(50).watch(sampler)),
    }


@pytest.mark.parametrize("way", loaders(None))
def test_weights_of_classes_are_noticed_by_any_way_into_a_loader(way: str) -> None:
    with pytest.warns(UserWarning, match=r"from 2 items, but the dataset has 50, so the others never come.*labels"):
        next(iter(loaders(of_classes())[way]()))


@pytest.mark.parametrize("way", loaders(None))
def test_weights_of_items_are_no_cause_to_warn(way: str) -> None:
    sampler = WeightedRandomSampler(class_weights(LABELS)[torch.tensor(LABELS)], seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(iter(loaders(sampler)[way]()))


def test_more_items_than_the_dataset_has_are_named_before_an_index_fails() -> None:
    sampler = WeightedRandomSampler([1.0] + [0.0] * 59 + [1e-6], 10, seed=0)
    with pytest.warns(UserWarning, match="draws from 61 items, but the dataset has 50: give one weight per item"):
        next(iter(DataLoader(DATA, 5, sampler=sampler)))


def test_items_of_weight_zero_beyond_the_dataset_are_room_to_grow() -> None:
    sampler = WeightedRandomSampler([1.0] + [0.0] * 60, 10, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(DataLoader(DATA, 5, sampler=sampler))


def test_a_dataset_is_asked_once_and_warned_of_once() -> None:
    class Counted(torch.utils.data.Dataset[int]):
        asked = 0

        def __len__(self) -> int:
            self.asked += 1
            return 50

        def __getitem__(self, index: int) -> int:
            return index

    data = Counted()
    loader = DataLoader(data, batch_sampler=WeightedBatchSampler(WeightedRandomSampler([1.0, 1.0], 10), 5))
    asked = data.asked
    with pytest.warns(UserWarning, match="draws from 2 items, but the dataset has 50"):
        list(loader)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(loader)
    assert data.asked == asked + 1


def test_another_dataset_is_compared_anew() -> None:
    sampler = WeightedRandomSampler([1.0] * 50, 10, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(DataLoader(DATA, 5, sampler=sampler))
    with pytest.warns(UserWarning, match="draws from 50 items, but the dataset has 60"):
        list(DataLoader(torch.utils.data.TensorDataset(torch.arange(60)), 5, sampler=sampler))


def test_a_sampler_that_is_no_key_is_compared_too() -> None:
    class Equal(WeightedRandomSampler):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal)

    with pytest.warns(UserWarning, match="draws from 2 items, but the dataset has 50"):
        list(DataLoader(DATA, 5, sampler=Equal([1.0, 1.0], 10, seed=0)))


def test_ranks_are_told_too() -> None:
    weights = class_weights(LABELS)
    one = DistributedWeightedSampler(weights, 50, num_replicas=2, rank=1)
    many = DistributedWeightedBatchSampler(weights, 50, num_replicas=2, rank=1, batch_size=5)
    for loader in (DataLoader(DATA, 5, sampler=one), DataLoader(DATA, batch_sampler=many)):
        with pytest.warns(UserWarning, match="draws from 2 items, but the dataset has 50"):
            next(iter(loader))


class Endless(torch.utils.data.Dataset[int]):
    """Tells no length."""

    def __getitem__(self, index: int) -> int:
        return index


def test_a_dataset_that_tells_no_length_and_a_loop_without_a_loader_say_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(iter(DataLoader(Endless(), 5, sampler=of_classes())))
        next(iter(of_classes()))


def test_torchdata_s_loader_is_looked_at_as_torch_s() -> None:
    loaders = pytest.importorskip("torchdata.stateful_dataloader")
    with pytest.warns(UserWarning, match="draws from 2 items, but the dataset has 50"):
        next(iter(loaders.StatefulDataLoader(DATA, 5, sampler=of_classes())))
    pairs = MPerClassSampler(LABELS, 3, 6, 60)
    with pytest.warns(UserWarning, match="makes batches of 6 draws .* take 3 at a time"):
        next(iter(loaders.StatefulDataLoader(DATA, 3, sampler=pairs)))
    batches = WeightedBatchSampler(pairs, 6)
    with pytest.raises(TypeError, match="yields batches already"):
        next(iter(loaders.StatefulDataLoader(DATA, 6, sampler=batches)))
