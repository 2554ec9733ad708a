"""Real DataLoaders with real workers: what arrives is what the table draws, pass after pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from families import hashed_integers
from oracle import flat
from torch.utils.data import DataLoader, Dataset

from pysampler import AliasTable, WeightedBatchSampler, WeightedRandomSampler

TABLE = AliasTable(hashed_integers(300))
DRAWS = 500
BATCH = 32


class Indices(Dataset[int]):
    """Every item is its own index."""

    def __len__(self) -> int:
        return 300

    def __getitem__(self, index: int) -> int:
        assert type(index) is int
        return index


class Lists(Indices):
    """Fetches a whole batch at once."""

    def __getitems__(self, indices: list[int]) -> list[int]:
        assert type(indices) is list
        return indices


def epoch(number: int, draws: int = DRAWS) -> list[int]:
    drawn: list[int] = TABLE.draw(draws, seed=1, epoch=number).tolist()
    return drawn


def loader(way: str, dataset: Dataset[int] | None = None, drop_last: bool = False, **options: Any) -> DataLoader[Any]:
    sampler = WeightedRandomSampler(TABLE, DRAWS, seed=1)
    if way == "batch_sampler":
        options["batch_sampler"] = WeightedBatchSampler(sampler, BATCH, drop_last)
    else:
        options |= {"sampler": sampler, "batch_size": BATCH, "drop_last": drop_last}
    return DataLoader(dataset or Indices(), **options)


def received(loader: DataLoader[Any]) -> list[int]:
    """Everything one loop over a loader yields."""
    return [index for batch in loader for index in batch.tolist()]


both_ways = pytest.mark.parametrize("way", ["sampler", "batch_sampler"])


@both_ways
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_pass_receives_the_next_epoch(way: str, workers: int) -> None:
    options: dict[str, Any] = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
    loading = loader(way, **options)
    assert len(loading) == 16
    assert [received(loading) for _ in range(2)] == [epoch(0), epoch(1)]


@both_ways
def test_persistent_workers_receive_the_same(way: str) -> None:
    loading = loader(way, num_workers=2, persistent_workers=True, multiprocessing_context="fork")
    assert [received(loading) for _ in range(3)] == [epoch(0), epoch(1), epoch(2)]


def test_spawned_workers_receive_the_same() -> None:
    loading = loader("batch_sampler", num_workers=1, persistent_workers=True, multiprocessing_context="spawn")
    assert [received(loading) for _ in range(2)] == [epoch(0), epoch(1)]


@both_ways
def test_datasets_that_fetch_lists_receive_lists(way: str) -> None:
    assert received(loader(way, Lists())) == epoch(0)


def test_without_batching_items_arrive_one_by_one() -> None:
    loading = DataLoader(Indices(), batch_size=None, sampler=WeightedRandomSampler(TABLE, DRAWS, seed=1))
    assert list(loading) == epoch(0)


@both_ways
@pytest.mark.parametrize("workers", [0, 2])
def test_drop_last_drops_the_incomplete_batch_only(way: str, workers: int) -> None:
    options: dict[str, Any] = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
    loading = loader(way, drop_last=True, **options)
    assert len(loading) == 15
    assert [received(loading) for _ in range(2)] == [epoch(0)[:480], epoch(1)[:480]]


@both_ways
@pytest.mark.parametrize("workers", [0, 2])
def test_a_break_while_workers_prefetch_begins_the_next_epoch_afresh(way: str, workers: int) -> None:
    options: dict[str, Any] = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
    loading = loader(way, **options)
    for batch in loading:
        assert batch.tolist() == epoch(0)[:BATCH]
        break
    assert received(loading) == epoch(1)


@pytest.mark.parametrize("workers", [0, 2])
def test_set_epoch_while_workers_prefetch_holds_for_the_next_pass(workers: int) -> None:
    """Loops call set_epoch before, within or after a pass (pytorch #31771 and its kin)."""
    loading = loader("sampler", num_workers=workers, multiprocessing_context="fork" if workers else None)
    sampler: Any = loading.sampler
    sampler.set_epoch(7)
    indices = []
    for batch in loading:
        sampler.set_epoch(20)
        indices += batch.tolist()
    assert indices == epoch(7)
    assert received(loading) == epoch(20)
    assert received(loading) == epoch(21)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("replacement", [True, False])
def test_manual_seed_makes_whole_loops_reproducible(workers: int, replacement: bool) -> None:
    def loop() -> list[list[int]]:
        torch.manual_seed(3)
        sampler = WeightedRandomSampler(hashed_integers(300) + 1, 200, replacement)
        context = "fork" if workers else None
        loading = DataLoader(Indices(), BATCH, sampler=sampler, num_workers=workers, multiprocessing_context=context)
        return [received(loading) for _ in range(2)]

    first = loop()
    assert first == loop()
    assert first[0] != first[1]


def test_two_loops_over_one_loader_at_once_are_two_epochs() -> None:
    loading = loader("sampler")
    mixed = [(a.tolist(), b.tolist()) for a, b in zip(loading, loading, strict=True)]
    assert flat(a for a, _ in mixed) == epoch(0)
    assert flat(b for _, b in mixed) == epoch(1)


def test_weights_edited_during_a_loop_count_from_the_next() -> None:
    sampler = WeightedRandomSampler(torch.ones(300), DRAWS, seed=1)
    loading = DataLoader(Indices(), BATCH, sampler=sampler, num_workers=2, multiprocessing_context="fork")
    uniform = AliasTable(torch.ones(300))
    indices = []
    for batch in loading:
        sampler.weights[1:] = 0
        indices += batch.tolist()
    assert indices == uniform.draw(DRAWS, seed=1).tolist()
    assert set(received(loading)) == {0}
