"""Real DataLoaders stopped in mid-epoch and gone on with: what the dataset receives afterwards is exactly the rest."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from families import hashed_integers
from torch.utils.data import DataLoader, Dataset

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

TABLE = AliasTable(hashed_integers(300))
DRAWS = 500
BATCH = 16


class Indices(Dataset[int]):
    """Every item is its own index."""

    def __len__(self) -> int:
        return 300

    def __getitem__(self, index: int) -> int:
        return index


WAYS = ("sampler", "batch_sampler", "distributed", "distributed batches")


def sampler_of(way: str) -> Any:
    if way.startswith("distributed"):
        batches = {"batch_size": BATCH} if way == "distributed batches" else {}
        kind: Any = DistributedWeightedBatchSampler if batches else DistributedWeightedSampler
        return kind(TABLE, DRAWS, 2, 1, **batches)
    sampler = WeightedRandomSampler(TABLE, DRAWS, seed=0)
    return WeightedBatchSampler(sampler, BATCH) if way == "batch_sampler" else sampler


def loader_over(sampler: Any, way: str, **options: Any) -> DataLoader[Any]:
    if options.get("num_workers"):
        options = {"multiprocessing_context": "fork", "prefetch_factor": 4, **options}
    if way == "batch_sampler":
        return DataLoader(Indices(), batch_sampler=sampler, **options)
    if way == "distributed batches":
        return DataLoader(BatchedDataset(Indices()), batch_size=None, sampler=sampler, **options)
    return DataLoader(Indices(), BATCH, sampler=sampler, **options)


def received(batches: Any) -> list[int]:
    return [index for batch in batches for index in batch.tolist()]


def part_of(way: str, epoch: int) -> list[int]:
    """What this process should receive in an epoch."""
    distributed = way.startswith("distributed")
    start, step, count = (1, 2, DRAWS // 2) if distributed else (0, 1, DRAWS)
    return list(TABLE.draw(count, seed=0, epoch=epoch, start=start, step=step).tolist())


def stopped_after(batches: int, way: str, epoch: int, **options: Any) -> dict[str, Any]:
    """The state of a run that trained on some batches of an epoch while its workers were ahead."""
    sampler = sampler_of(way)
    sampler.set_epoch(epoch)
    loading = loader_over(sampler, way, **options)
    trained = received(itertools.islice(loading, batches))
    assert trained == part_of(way, epoch)[: batches * BATCH]
    state: dict[str, Any] = sampler.state_dict(consumed=len(trained))
    return state


def check_resume(way: str, batches: int, epoch: int, **options: Any) -> None:
    state = stopped_after(batches, way, epoch, **options)
    sampler = sampler_of(way)
    sampler.load_state_dict(state)
    sampler.set_epoch(epoch)  # as training loops do before every epoch
    loading = loader_over(sampler, way, **options)
    assert received(loading) == part_of(way, epoch)[batches * BATCH :]
    assert received(loading) == part_of(way, epoch + 1)


def test_without_consumed_a_prefetched_state_would_lose_items() -> None:
    """The trap: workers are ahead, so where the sampler stands is not what was trained on."""
    sampler = sampler_of("sampler")
    loading = loader_over(sampler, "sampler", num_workers=2)
    trained = received(itertools.islice(loading, 3))
    naive = sampler.state_dict()
    assert naive["position"] > len(trained)
    again = sampler_of("sampler")
    again.load_state_dict(naive)
    assert trained + list(again) != part_of("sampler", 0)
    again.load_state_dict(sampler.state_dict(consumed=len(trained)))
    assert trained + list(again) == part_of("sampler", 0)


def test_torchs_sampler_begins_another_epoch_instead() -> None:
    """What users have today (pytorch #36650)."""

    def run(sampler: Any, batches: int | None) -> list[int]:
        return received(itertools.islice(DataLoader(Indices(), BATCH, sampler=sampler), batches))

    weights = TABLE.probabilities()
    torch.manual_seed(0)
    whole = run(torch.utils.data.WeightedRandomSampler(weights, DRAWS), None)
    torch.manual_seed(0)
    trained = run(torch.utils.data.WeightedRandomSampler(weights, DRAWS), 5)
    assert trained == whole[: 5 * BATCH]
    assert run(torch.utils.data.WeightedRandomSampler(weights, DRAWS), None)[: DRAWS - 5 * BATCH] != whole[5 * BATCH :]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (1, False), (1, True), (2, False), (2, True)])
def test_resume_in_mid_epoch_is_exact(way: str, workers: int, persistent: bool) -> None:
    options = {"num_workers": workers, "persistent_workers": persistent}
    check_resume(way, batches=3, epoch=0, **options)
    check_resume(way, batches=7, epoch=2, **options)


@pytest.mark.parametrize("way", ["sampler", "distributed batches"])
def test_resume_with_spawned_workers_is_exact(way: str) -> None:
    check_resume(way, batches=2, epoch=1, num_workers=1, multiprocessing_context="spawn", persistent_workers=True)


@pytest.mark.parametrize("way", WAYS)
def test_resume_at_the_very_end_begins_the_next_epoch(way: str) -> None:
    sampler = sampler_of(way)
    trained = received(loader_over(sampler, way, num_workers=1))
    again = sampler_of(way)
    again.load_state_dict(sampler.state_dict(consumed=len(trained)))
    assert received(loader_over(again, way)) == part_of(way, 1)
