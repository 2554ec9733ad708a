"""Distributed samplers: the ranks together are one stream, in torch's words and by torch's class."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import pytest
import torch
import torch.utils.data
from families import hashed_integers
from hypothesis import given
from hypothesis import strategies as st
from oracle import flat
from torch.utils.data.distributed import DistributedSampler

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedShuffleSampler,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)
from pysampler.samplers import ranks as ranks_module

TABLE = AliasTable(hashed_integers(200) + 1)


class Squares(torch.utils.data.Dataset[int]):
    """A dataset that cannot take lists of indices."""

    def __getitem__(self, index: int) -> int:
        return index**2

    def __len__(self) -> int:
        return 200


def group(draws: int, world: int, **more: Any) -> list[DistributedWeightedSampler]:
    return [DistributedWeightedSampler(TABLE, draws, world, rank, **more) for rank in range(world)]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)


# ---- the parts make the whole -------------------------------------------------------------------


@given(draws=st.integers(1, 400), world=st.integers(1, 12), epoch=st.integers(0, 3), drop_last=st.booleans())
def test_ranks_partition_the_global_stream(draws: int, world: int, epoch: int, drop_last: bool) -> None:
    if world > draws:
        return
    whole = TABLE.draw(draws, seed=5, epoch=epoch).tolist()
    sizes = set()
    for rank, sampler in enumerate(group(draws, world, seed=5, drop_last=drop_last)):
        sampler.set_epoch(epoch)
        part = list(sampler)
        sizes.add(len(part))
        assert len(sampler) == sampler.num_samples == len(part)
        within = whole[rank::world]
        assert part[: len(within)] == within[: len(part)]
    assert len(sizes) == 1
    per_rank = draws // world if drop_last else -(-draws // world)
    assert sizes == {per_rank}
    assert sampler.total_size == per_rank * world


def test_torchs_distributed_sampler_counts_the_same() -> None:
    for drop_last in (True, False):
        for draws in (7, 8, 9, 100):
            ours = DistributedWeightedSampler(TABLE, draws, 4, 1, drop_last=drop_last)
            theirs: Any = DistributedSampler(range(draws), 4, 1, drop_last=drop_last)  # type: ignore[arg-type]
            assert (ours.num_samples, ours.total_size, len(ours)) == (
                theirs.num_samples,
                theirs.total_size,
                len(theirs),
            )


def test_padding_is_drawn_from_the_weights_and_not_from_the_stream_or_its_beginning() -> None:
    padding, stream, beginning = [], [], []
    for seed in range(200):
        parts = [list(sampler) for sampler in group(9, 8, seed=seed)]
        padding += [part[-1] for part in parts[1:]]
        stream += TABLE.draw(7, seed=seed, start=9).tolist()
        beginning += TABLE.draw(7, seed=seed).tolist()
    assert padding not in (stream, beginning)
    heavy = TABLE.probabilities() > 1.5 / 200
    share, expected = heavy[torch.tensor(padding)].double().mean().item(), TABLE.probabilities()[heavy].sum().item()
    assert abs(share - expected) < 5 * (expected * (1 - expected) / len(padding)) ** 0.5


def test_without_replacement_ranks_share_one_epoch_of_distinct_items() -> None:
    parts = [list(sampler) for sampler in group(150, 4, replacement=False)]
    alone = WeightedRandomSampler(TABLE, 150, False, seed=0)
    whole = [index for row in zip(*parts, strict=True) for index in row]
    assert whole[:150] == list(alone)
    assert len(whole) == 152
    assert all(0 <= index < 200 for index in whole[150:])


def test_a_heavy_item_is_drawn_by_every_rank_in_its_proportion() -> None:
    """Drawing inside each rank's shard of the items, as others do, would leave the heavy one to a single rank."""
    weights = torch.full((1000,), 0.1 / 999)
    weights[0] = 0.9
    for rank in range(4):
        drawn = torch.tensor(list(DistributedWeightedSampler(weights, 40_000, 4, rank)))
        assert abs((drawn == 0).double().mean().item() - 0.9) < 5 * (0.9 * 0.1 / 10_000) ** 0.5


# ---- torch's class and words --------------------------------------------------------------------


def test_they_are_torchs_distributed_samplers() -> None:
    for sampler in (
        DistributedWeightedSampler(TABLE, 10, 2, 1),
        DistributedWeightedBatchSampler(TABLE, 10, 2, 1, batch_size=2),
        DistributedShuffleSampler(10, 2, 1),
    ):
        assert isinstance(sampler, DistributedSampler)
        assert (sampler.rank, sampler.num_replicas, sampler.seed, sampler.drop_last) == (1, 2, 0, False)
        sampler.set_epoch(4)
        assert sampler.epoch == 4
        first = list(sampler)
        assert (sampler.epoch, sampler.upcoming.epoch) == (4, 5)
        sampler.set_epoch(4)
        assert list(sampler) == first != list(sampler)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_replicas": 2, "rank": 2}, ValueError, r"Invalid rank 2, rank should be in the interval \[0, 1\]"),
        ({"num_replicas": 2, "rank": -1}, ValueError, "Invalid rank -1"),
        ({"num_replicas": 0, "rank": 0}, ValueError, "num_replicas must be >= 1"),
        ({"num_replicas": 2.0, "rank": 0}, TypeError, "num_replicas"),
        ({"num_replicas": 2, "rank": True}, TypeError, "rank"),
        ({"seed": None}, ValueError, "needs a seed"),
        ({"seed": "a"}, TypeError, "seed"),
        ({"drop_last": 1}, ValueError, "drop_last should be a boolean"),
        ({"replacement": 1}, ValueError, "replacement should be a boolean"),
        ({"method": "magic"}, ValueError, "method"),
        ({"num_samples": 0}, ValueError, "num_samples should be a positive integer"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DistributedWeightedSampler([1.0, 2.0], **arguments)


def test_a_dataset_as_weights_is_a_type_error_before_anything_is_loaded() -> None:
    class Untouchable(Squares):
        def __getitem__(self, index: int) -> int:
            raise AssertionError("loaded an item")

    for sampler in (DistributedWeightedSampler, WeightedRandomSampler):
        with pytest.raises(TypeError, match="dataset itself"):
            sampler(Untouchable())


def test_more_ranks_than_draws_are_padded_or_get_nothing_as_in_torch() -> None:
    padded = [list(DistributedWeightedSampler(TABLE, 3, 4, rank)) for rank in range(4)]
    assert [part[0] for part in padded[:3]] == TABLE.draw(3, seed=0).tolist()
    assert [len(part) for part in padded] == [1] * 4
    dropped = [DistributedWeightedSampler(TABLE, 3, 4, rank, drop_last=True) for rank in range(4)]
    assert [(len(sampler), list(sampler)) for sampler in dropped] == [(0, [])] * 4


# ---- where rank and world come from -------------------------------------------------------------


def test_alone_it_is_rank_0_of_1() -> None:
    sampler = DistributedWeightedSampler(TABLE, 10)
    assert (sampler.rank, sampler.num_replicas, len(sampler)) == (0, 1, 10)


def test_no_group_in_a_world_of_several_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    sampler = DistributedWeightedSampler(TABLE, 10)
    for use in (len, list):
        with pytest.raises(RuntimeError, match=r"WORLD_SIZE is 2.*init_process_group"):
            use(sampler)
    assert len(DistributedWeightedSampler(TABLE, 10, 2, 0)) == 5
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert len(sampler) == 10


def test_a_world_without_a_rank_is_an_error_and_not_rank_0_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = DistributedWeightedSampler(TABLE, 10, num_replicas=2)
    for use in (len, list):
        with pytest.raises(RuntimeError, match=r"num_replicas is 2.*give rank"):
            use(sampler)
    assert len(DistributedWeightedSampler(TABLE, 10, num_replicas=1)) == 10
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    assert sampler.rank == 1


def test_a_group_that_comes_later_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = DistributedWeightedSampler(TABLE, 10)
    assert len(sampler) == 10
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 5)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 3)
    assert (sampler.rank, sampler.num_replicas, len(sampler)) == (3, 5, 2)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    assert sampler.rank == 3
    assert pickle.loads(pickle.dumps(sampler)).rank == 1


def test_given_ranks_stay_when_pickled() -> None:
    sampler = DistributedWeightedSampler(TABLE, 10, 5, 4)
    again = pickle.loads(pickle.dumps(sampler))
    assert (again.rank, again.num_replicas) == (4, 5)
    assert list(again) == list(sampler)


# ---- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("draws", "world", "batch_size"), [(100, 1, 10), (101, 2, 10), (64, 4, 5), (10, 3, 50)])
@pytest.mark.parametrize("drop_last", [True, False])
def test_batches_are_the_ranks_indices_in_lists(draws: int, world: int, batch_size: int, drop_last: bool) -> None:
    for rank in range(world):
        batches = DistributedWeightedBatchSampler(TABLE, draws, world, rank, batch_size=batch_size, drop_last=drop_last)
        plain = list(DistributedWeightedSampler(TABLE, draws, world, rank, drop_last=drop_last))
        full = len(plain) // batch_size * batch_size
        if drop_last and full == 0:
            with pytest.raises(ValueError, match="makes no batch"):
                len(batches)
            continue
        delivered = list(batches)
        assert len(batches) == len(delivered)
        assert all(type(batch) is list and len(batch) <= batch_size for batch in delivered)
        assert flat(delivered) == (plain[:full] if drop_last else plain)


def test_batches_through_a_loader_with_batch_size_none() -> None:
    sampler = DistributedWeightedBatchSampler(TABLE, 40, 2, 1, batch_size=8)
    for workers in (0, 2):
        sampler.set_epoch(0)
        loader = torch.utils.data.DataLoader(
            BatchedDataset(Squares()), sampler=sampler, batch_size=None, num_workers=workers
        )
        batches = list(loader)
        assert [len(batch) for batch in batches] == [8, 8, 4]
        assert torch.cat(batches).tolist() == [i**2 for i in TABLE.draw(20, seed=0, start=1, step=2).tolist()]
        assert len(loader) == 3


def test_batched_dataset_uses_getitems_and_collate_fn_and_names_misuse() -> None:
    class ByLists(Squares):
        def __getitems__(self, indices: list[int]) -> list[int]:
            return [-index for index in indices]

    assert BatchedDataset(ByLists(), sum)[[1, 2, 3]] == -6
    assert BatchedDataset(Squares())[[1, 2]].tolist() == [1, 4]
    assert len(BatchedDataset(Squares())) == 200

    class NotByLists(Squares):
        __getitems__ = None  # torch's loader takes this for a dataset without

    assert BatchedDataset(NotByLists())[[1, 2]].tolist() == [1, 4]
    with pytest.raises(TypeError, match="batch_size=None"):
        BatchedDataset(Squares())[3]
    with pytest.raises(TypeError, match="map-style"):
        BatchedDataset(5)


def test_a_batch_sampler_takes_distributed_samplers_but_no_batches() -> None:
    sampler = DistributedWeightedSampler(TABLE, 40, 2, 1)
    assert flat(WeightedBatchSampler(sampler, 7)) == TABLE.draw(20, seed=0, start=1, step=2).tolist()
    with pytest.raises(TypeError, match="yields batches already"):
        WeightedBatchSampler(DistributedWeightedBatchSampler(TABLE, 40, 2, 1, batch_size=3), 5)


@pytest.mark.parametrize("said", ["", "0", "1", "x", "-3", "1.5"])
def test_nothing_is_said_of_what_is_no_number_of_several_tasks(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pysampler.samplers.ranks._warned", False)
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", said)
    monkeypatch.setenv("WORLD_SIZE", "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(DistributedWeightedSampler([1.0, 2.0])) == 2


@pytest.mark.parametrize("name", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_several_tasks_without_a_process_group_are_warned_of_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "_warned", False)
    monkeypatch.setenv("SLURM_NTASKS", "4")  # also in scripts of one process
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(DistributedWeightedSampler(TABLE, 10)) == 10
    monkeypatch.setenv(name, "4")
    with pytest.warns(UserWarning, match=rf"{name} is 4.*rank 0 of 1.*init_process_group"):
        assert len(DistributedWeightedSampler(TABLE, 10)) == 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(DistributedWeightedSampler(TABLE, 10)) == 10
        assert len(DistributedWeightedSampler(TABLE, 10, 2, 0)) == 5


@pytest.mark.parametrize(
    ("name", "argument"), [("rank", "rank"), ("num_samples", "num_samples"), ("total_size", "num_samples")]
)
def test_what_only_the_constructor_can_set_says_so(name: str, argument: str) -> None:
    sampler = DistributedWeightedSampler(TABLE, 10, 2, 0)
    with pytest.raises(AttributeError, match=f"{name} cannot be set: give {argument}= to the constructor"):
        setattr(sampler, name, 3)


@pytest.mark.parametrize(
    ("world", "rank", "last"), [(2, 2, "1"), (2, -1, "1"), (1, 1, "0"), (None, -3, "num_replicas - 1")]
)
def test_a_rank_that_there_is_not_is_named_in_torchs_words(world: int | None, rank: int, last: str) -> None:
    with pytest.raises(ValueError, match="Invalid rank") as ours:
        DistributedWeightedSampler([1.0, 2.0], num_replicas=world, rank=rank)
    assert str(ours.value) == f"Invalid rank {rank}, rank should be in the interval [0, {last}]"
    if world is not None:
        with pytest.raises(ValueError, match="Invalid rank") as torchs:
            torch.utils.data.DistributedSampler([1, 2], world, rank)
        assert str(torchs.value) == str(ours.value)
