"""UnderSampler and MPerClassSampler: rounds through loaders, resumed, and over ranks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from pysampler import (
    DistributedMPerClassSampler,
    DistributedUnderSampler,
    MPerClassBatches,
    MPerClassSampler,
    UnderSampler,
    UnderSampling,
    WeightedBatchSampler,
)

CATS = ["Siamese"] * 160 + ["Birman"] * 10
SEVEN = np.random.default_rng(0).permutation(np.repeat(np.arange(7), [5, 3, 9, 4, 0, 7, 1]))  # class 4 is empty


def epoch_of(rounds: UnderSampling | MPerClassBatches, epoch: int, seed: int = 0) -> list[int]:
    shown: list[int] = rounds.draw(rounds.num_samples, seed=seed, epoch=epoch).tolist()
    return shown


def test_the_samplers_show_what_the_rounds_say() -> None:
    sampler = UnderSampler(CATS, seed=3)
    assert len(sampler) == sampler.num_samples == 20
    assert [list(sampler) for _ in range(3)] == [epoch_of(UnderSampling(CATS), epoch, 3) for epoch in range(3)]
    sampler.set_epoch(1)
    assert list(sampler) == epoch_of(UnderSampling(CATS), 1, 3)
    assert list(UnderSampler(CATS)) == epoch_of(UnderSampling(CATS), 0, 0)
    batches = MPerClassSampler(CATS, 4, 8, 80, seed=1)
    assert list(batches) == epoch_of(MPerClassBatches(CATS, 4, 8, 80), 0, 1)
    with pytest.raises(TypeError, match="seed"):
        UnderSampler(CATS, seed=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gets_balanced_batches(workers: int) -> None:
    codes = torch.tensor([0] * 160 + [1] * 10)
    dataset = TensorDataset(torch.arange(170), codes)
    loader = DataLoader(dataset, 8, sampler=MPerClassSampler(codes, 4, 8, 40), num_workers=workers)
    for items, classes in loader:
        assert classes.bincount().tolist() == [4, 4]
        assert len(set(items.tolist())) == 8
    under = DataLoader(dataset, batch_sampler=WeightedBatchSampler(UnderSampler(codes), 20), num_workers=workers)
    assert [classes.bincount().tolist() for _, classes in under] == [[10, 10]]


@pytest.mark.parametrize("sampler", [UnderSampler(CATS, 7), MPerClassSampler(SEVEN, 3, 6, 30)], ids=["under", "m"])
@pytest.mark.parametrize("position", [0, 1, 5, 13])
def test_a_pass_can_be_resumed_anywhere(sampler: UnderSampler | MPerClassSampler, position: int) -> None:
    sampler = copy.deepcopy(sampler)
    sampler.set_epoch(6)
    iterator = iter(sampler)
    begun = [next(iterator) for _ in range(position)]
    sampler.load_state_dict(sampler.state_dict())
    sampler.set_epoch(6)
    assert begun + list(sampler) == epoch_of(sampler.rounds, 6)
    with pytest.raises(ValueError, match="another sampler"):
        UnderSampler(CATS, 8).load_state_dict(sampler.state_dict())


@pytest.mark.parametrize("world", [1, 2, 3])
def test_ranks_together_show_the_epoch(world: int) -> None:
    parts = [list(DistributedUnderSampler(CATS, 10, world, rank)) for rank in range(world)]
    whole = [parts[i % world][i // world] for i in range(20)]
    assert whole == epoch_of(UnderSampling(CATS, 10), 0)
    padded = [parts[i % world][i // world] for i in range(20, sum(map(len, parts)))]
    assert set(padded) <= set(whole)


def test_ranks_that_divide_m_share_every_class_of_a_batch() -> None:
    parts = [
        np.array(list(DistributedMPerClassSampler(SEVEN, 4, 8, 80, num_replicas=2, rank=rank))).reshape(10, 2, 2)
        for rank in range(2)
    ]
    for first, second in zip(*parts, strict=True):
        assert SEVEN[first].tolist() == SEVEN[second].tolist()
        assert len({*SEVEN[first].ravel().tolist()}) == 2
    with pytest.raises(ValueError, match="needs a seed"):
        DistributedMPerClassSampler(SEVEN, 4, seed=None)  # type: ignore[arg-type]
