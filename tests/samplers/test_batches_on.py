"""Passes in tensors: what batch samplers hand out as lists, for data that needs no loader."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest
import torch
from foreign_sources import HugeSource

from pysampler import (
    ClassTable,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    DynamicTable,
    Mixture,
    ShuffleSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

weights = torch.arange(1.0, 101.0)
SOURCES: dict[str, Any] = {
    "weights": weights,
    "classes": ClassTable([0, 1] * 50, [1.0, 3.0]),
    "mixture": Mixture([70, 30], shares=[1, 1], window=10),
    "dynamic": DynamicTable(weights),
}


def lists(batches: Any) -> list[list[int]]:
    return [indices.tolist() if isinstance(indices, torch.Tensor) else indices for indices in batches]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("drop_last", [False, True])
def test_they_are_the_batch_samplers_lists(kind: str, drop_last: bool) -> None:
    def sampler() -> WeightedRandomSampler:
        return WeightedRandomSampler(SOURCES[kind], num_samples=103, seed=3)

    theirs, ours = WeightedBatchSampler(sampler(), 10, drop_last), sampler()
    for _ in range(2):  # epochs follow each other
        batches = list(ours.batches_on("cpu", 10, drop_last))
        assert all(indices.dtype == torch.int64 and indices.device.type == "cpu" for indices in batches)
        assert lists(batches) == list(theirs)
    assert lists(theirs.batches_on("cpu")) == lists(ours.batches_on("cpu", 10, drop_last))


@pytest.mark.parametrize("method", ["iid", "systematic"])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_ranks_get_their_shares_with_padding(world: int, drop_last: bool, method: Any) -> None:
    for rank in range(world):
        own: dict[str, Any] = {"num_replicas": world, "rank": rank, "drop_last": drop_last, "method": method}
        ours = DistributedWeightedSampler(weights, num_samples=100, **own)
        theirs = DistributedWeightedSampler(weights, num_samples=100, **own)
        assert list(itertools.chain(*lists(ours.batches_on("cpu", 8)))) == list(theirs)
        batched = DistributedWeightedBatchSampler(weights, num_samples=100, batch_size=8, **own)
        again = DistributedWeightedBatchSampler(weights, num_samples=100, batch_size=8, **own)
        assert lists(batched.batches_on("cpu")) == list(again)


def test_states_go_both_ways() -> None:
    whole = list(WeightedRandomSampler(weights, seed=1))
    sampler = WeightedRandomSampler(weights, seed=1)
    batches: Any = sampler.batches_on("cpu", 10)
    first = [next(batches) for _ in range(3)]
    assert sampler.state_dict()["position"] == batches.state_dict()["position"] == 30
    ordinary = WeightedRandomSampler(weights, seed=1)
    ordinary.load_state_dict(sampler.state_dict())
    assert list(itertools.chain(*lists(first))) + list(ordinary) == whole

    later: Any = WeightedRandomSampler(weights, seed=1).batches_on("cpu", 7)
    later.load_state_dict(sampler.state_dict(consumed=20))
    assert list(itertools.chain(*lists(later))) == whole[20:]
    with pytest.raises(RuntimeError, match="this iterator has begun"):
        later.load_state_dict(sampler.state_dict())


def test_nothing_begins_before_the_first_batch() -> None:
    sampler = WeightedRandomSampler(weights, seed=1)
    sampler.batches_on("cpu", 10)
    assert sampler.upcoming.epoch == 0
    next(sampler.batches_on("cpu", 10))
    assert sampler.upcoming.epoch == 1


def test_an_update_counts_from_the_next_batch() -> None:
    table = DynamicTable([1.0] * 50)
    batches = WeightedRandomSampler(table, num_samples=1000, seed=0).batches_on("cpu", 10)
    first = next(batches)
    table.update(first, torch.zeros(10))
    assert not set(first.tolist()) & set(next(batches).tolist())


def test_sources_of_ones_own_and_shuffles_too() -> None:
    ours, theirs = (WeightedRandomSampler(HugeSource(), num_samples=100, seed=0) for _ in range(2))
    assert lists(ours.batches_on("cpu", 30)) == list(WeightedBatchSampler(theirs, 30))
    together = torch.cat(list(ShuffleSampler(1000, seed=0).batches_on("cpu", 64)))
    assert together.sort().values.tolist() == list(range(1000))


def test_threads_share_an_iterator() -> None:
    batches = WeightedRandomSampler(weights, num_samples=5000, seed=0).batches_on("cpu", 5)
    found: list[list[int]] = []

    def take() -> None:
        for indices in batches:
            found.append(indices.tolist())

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = WeightedBatchSampler(WeightedRandomSampler(weights, num_samples=5000, seed=0), 5)
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("arguments", "message"), [((0,), "batch_size"), ((2.5,), "batch_size"), ((2, 2), "drop_last")]
)
def test_wrong_arguments_are_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        WeightedRandomSampler(weights, seed=0).batches_on("cpu", *arguments)


def test_a_batch_sampler_keeps_its_batches() -> None:
    sampler = DistributedWeightedBatchSampler(weights, batch_size=8, num_replicas=1, rank=0)
    with pytest.raises(ValueError, match="this sampler makes batches of 8 with drop_last=False"):
        sampler.batches_on("cpu", 9)
