"""Weights that change under real loaders and real ranks: from which batch on an update counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from rank_processes import on_ranks
from torch.utils.data import DataLoader

from pysampler import (
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DynamicTable,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

ITEMS = 40
BATCH = 8
BATCHES = 20


def loaders(table: DynamicTable, way: str, **options: Any) -> DataLoader[Any]:
    sampler = WeightedRandomSampler(table, BATCH * BATCHES, seed=3)
    if way == "sampler":
        return DataLoader(range(ITEMS), batch_size=BATCH, sampler=sampler, **options)  # type: ignore[arg-type]
    batches = WeightedBatchSampler(sampler, BATCH)
    if way == "batch_sampler":
        return DataLoader(range(ITEMS), batch_sampler=batches, **options)  # type: ignore[arg-type]
    return DataLoader(BatchedDataset(range(ITEMS)), batch_size=None, sampler=batches, **options)


@pytest.mark.parametrize("way", ["sampler", "batch_sampler", "batched_dataset"])
@pytest.mark.parametrize(
    ("workers", "prefetch", "persistent"), [(0, 0, False), (2, 1, False), (2, 2, True), (2, 3, False), (1, 2, True)]
)
def test_an_update_counts_from_the_first_batch_that_is_not_yet_on_its_way(
    way: str, workers: int, prefetch: int, persistent: bool
) -> None:
    """With batch i in hand, those up to i + workers * prefetch_factor are on their way."""
    table = DynamicTable(torch.ones(ITEMS))
    options = {"prefetch_factor": prefetch, "persistent_workers": persistent} if workers else {}
    loader = loaders(table, way, num_workers=workers, **options)
    ahead = workers * prefetch
    for epoch in range(2):
        table.update(torch.arange(ITEMS), 1.0)
        plain = DynamicTable(torch.ones(ITEMS))
        expected = plain.draw(BATCH * BATCHES, seed=3, epoch=epoch)
        batches = iter(loader)
        shown = [next(batches).tolist() for _ in range(3)]  # batch 2 in hand
        changed = torch.arange(1, ITEMS) * 1.0
        table.update(torch.arange(1, ITEMS), changed)
        plain.update(torch.arange(1, ITEMS), changed)
        first = (3 + ahead) * BATCH
        expected[first:] = plain.draw(BATCH * BATCHES - first, seed=3, epoch=epoch, start=first)
        shown += [batch.tolist() for batch in batches]
        assert shown == expected.reshape(BATCHES, BATCH).tolist()


def test_a_state_by_consumed_items_goes_with_the_weights_at_that_moment() -> None:
    """What was prefetched with older weights is drawn anew with those that the state was saved with."""
    table = DynamicTable(torch.ones(ITEMS))
    loader = loaders(table, "sampler", num_workers=2, prefetch_factor=2)
    sampler = loader.sampler
    assert isinstance(sampler, WeightedRandomSampler)
    for number, batch in enumerate(loader):
        table.update(batch, 0.25)
        if number == 4:
            state, weights = sampler.state_dict(consumed=5 * BATCH), table.state_dict()
            break
    other = DynamicTable(torch.ones(ITEMS))
    resumed = WeightedRandomSampler(other, BATCH * BATCHES, seed=3)
    with pytest.raises(ValueError, match="fingerprint"):
        resumed.load_state_dict(state)
    other.load_state_dict(weights)
    resumed.load_state_dict(state)
    assert list(resumed) == other.draw(15 * BATCH, seed=3, start=5 * BATCH).tolist()


def batch_of(rank: int) -> tuple[list[int], list[float]]:
    """Of unequal length, rank 1 with none, with items that others have and that come twice."""
    if rank == 1:
        return [], []
    places = [5, 7, rank, 5, 20 + rank]
    return places[: 5 - rank // 2], [rank + 0.5, 2.0, 3.0, rank + 1.0, 9.0][: 5 - rank // 2]


def after_common_updates(rank: int) -> tuple[str, int, list[float], list[int]]:
    table = DynamicTable(torch.ones(ITEMS, dtype=torch.float64))
    table.update_on_all_ranks(*batch_of(rank))
    table.update_on_all_ranks([], [])
    table.update_on_all_ranks(torch.tensor([rank]), 4.0)
    return table.fingerprint, table.version, table.weights.tensor().tolist(), table.draw(50, seed=1).tolist()


@pytest.mark.parametrize("world", [2, 3])
def test_updates_of_all_ranks_leave_the_same_table_in_the_order_of_ranks(world: int) -> None:
    plain = DynamicTable(torch.ones(ITEMS, dtype=torch.float64))
    for rank in range(world):
        plain.update(*batch_of(rank))
    plain.update(torch.arange(world), 4.0)
    for fingerprint, version, weights, drawn in on_ranks(world, after_common_updates):
        assert fingerprint == plain.fingerprint
        assert version == 2  # nothing moves where nothing was updated
        assert weights == plain.weights.tensor().tolist()
        assert drawn == plain.draw(50, seed=1).tolist()


def errors_of_rank_1(rank: int) -> list[str]:
    table = DynamicTable(torch.ones(ITEMS))
    before = table.fingerprint, table.version
    bad = [([0, ITEMS], [1.0, 2.0]), ([0], [-1.0]), ([0], [1e-300]), ([0, 1], [1.0, 2.0, 3.0]), (["a"], [1.0])]
    said = []
    for indices, weights in bad:
        try:
            table.update_on_all_ranks(*((indices, weights) if rank == 1 else ([3], [2.0])))
            said.append("nothing")
        except ValueError as error:
            said.append(str(error))
        assert (table.fingerprint, table.version) == before
    table.update_on_all_ranks([rank], [2.0])
    assert table.weights.tensor().sum() == ITEMS + 2
    return said


def test_a_bad_update_of_one_rank_is_refused_on_all_and_none_is_left_waiting() -> None:
    first, second = on_ranks(2, errors_of_rank_1)
    assert first == second
    reasons = ("indices[1] is 40", "weights[0] is -1.0", "become zero", "3 for 2", "integers")
    for said, expected in zip(first, reasons, strict=True):
        assert said.startswith("rank 1: ")
        assert expected in said


def checks_of_tables_that_differ(rank: int) -> list[str]:
    table = DynamicTable(torch.ones(ITEMS))
    sampler = DistributedWeightedBatchSampler(table, 64, batch_size=4)
    sampler.check_same_on_all_ranks()
    table.update_on_all_ranks([rank], [5.0])
    sampler.check_same_on_all_ranks()
    if rank == 1:
        table.update([9], [3.0])
    said = []
    for ask in (sampler.check_same_on_all_ranks, lambda: table.update_on_all_ranks([0], [1.0])):
        with pytest.raises(ValueError, match="rank") as error:
            ask()
        said.append(str(error.value))
    return said


def test_tables_that_differ_between_ranks_are_noticed_on_all() -> None:
    first, second = on_ranks(2, checks_of_tables_that_differ)
    assert first == second
    assert first[0].startswith("ranks 1 draw from something else")
    assert "tables of ranks 1 differ" in first[1]


def trained_with_others(rank: int) -> list[list[int]]:
    """Weights follow what was shown, gathered from all ranks after each batch."""
    table = DynamicTable(torch.ones(ITEMS), log=True)
    sampler = DistributedWeightedBatchSampler(table, 240, batch_size=BATCH)
    batches = []
    for batch in sampler:
        batches.append(batch)
        table.update_on_all_ranks(batch, table.weights[batch] * 0.5)
    return batches


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_that_update_together_draw_what_one_process_would(world: int) -> None:
    ranks = on_ranks(world, trained_with_others)
    plain = DynamicTable(torch.ones(ITEMS))
    steps = len(ranks[0])
    for step in range(steps):
        shown = torch.tensor([batches[step] for batches in ranks])
        expected = plain.draw(shown.numel(), seed=0, start=step * shown.numel())
        assert torch.equal(shown.T.flatten(), expected)
        indices = shown.flatten()
        plain.update(indices, plain.weights[indices] * 0.5)


def test_without_a_group_an_update_of_all_ranks_is_an_update() -> None:
    table = DynamicTable(np.ones(5))
    table.update_on_all_ranks([1, 1], [2.0, 3.0])
    assert table.weights.tensor().tolist() == [1, 3, 1, 1, 1]
