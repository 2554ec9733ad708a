"""Accelerate itself on two processes: what the dataset is asked for, before and after resuming in mid-epoch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from families import hashed_integers
from optional import require
from oracle import flat
from standing_ranks import RankProcesses
from torch.utils.data import DataLoader, Dataset

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    ShuffleSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

accelerate = require("accelerate")
from pysampler.integrations.accelerate import ResumableLoader, prepare_rank_aware  # noqa: E402  # needs Accelerate
from pysampler.integrations.loaders import sampler_of  # noqa: E402

TABLE = AliasTable(hashed_integers(60) + 1)
DRAWS, WORLD, BATCH = 80, 2, 4
STEPS = DRAWS // (WORLD * BATCH)
STOP = 3  # steps into epoch 1

Received = list[list[int]]


class Items(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index

    def __len__(self) -> int:
        return len(TABLE)


def accelerator_of(**options: Any) -> Any:
    """A fresh Accelerator, as a script that has just started would have."""
    configuration = accelerate.utils.DataLoaderConfiguration(**options)
    return accelerate.Accelerator(cpu=True, dataloader_config=configuration)


def loader_of(kind: str, batch_size: int = BATCH, draws: int = DRAWS, workers: int = 0, **more: Any) -> Any:
    sampler = WeightedRandomSampler(TABLE, draws, **{"seed": 0, **more})
    if kind == "batches":
        batches = WeightedBatchSampler(sampler, batch_size)
        return DataLoader(Items(), batch_sampler=batches, num_workers=workers)
    return DataLoader(Items(), batch_size, sampler=sampler, num_workers=workers)


def epoch_of(number: int, draws: int = DRAWS) -> list[int]:
    return TABLE.draw(draws, seed=0, epoch=number).tolist()


def train(loader: Any, epochs: range, save: Any = None) -> Received:
    """Receives the batches of some epochs, and saves after STOP steps of epoch 1."""
    received: Received = []
    for epoch in epochs:
        for step, batch in enumerate(loader, 1):
            received.append(batch.tolist())
            if save is not None and (epoch, step) == (1, STOP):
                save()
    return received


@pytest.fixture(scope="module")
def ranks() -> Iterator[RankProcesses]:
    with RankProcesses(WORLD) as processes:
        yield processes


# ---- the traps ----------------------------------------------------------------------------------


def prepared_rank_aware() -> Received:
    loader = DataLoader(Items(), BATCH, sampler=DistributedWeightedSampler(TABLE, DRAWS))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return list(map(torch.Tensor.tolist, accelerator_of().prepare(loader)))


def test_trap_a_rank_aware_sampler_loses_half_of_the_data_without_a_warning(ranks: RankProcesses) -> None:
    assert [len(flat(part)) for part in ranks.call(prepared_rank_aware)] == [DRAWS // WORLD // WORLD] * WORLD


def test_trap_a_sampler_with_batch_size_none_is_forgotten_but_the_dataset_notices() -> None:
    batches = DistributedWeightedBatchSampler(TABLE, DRAWS, batch_size=BATCH)
    naive = accelerator_of().prepare(DataLoader(Items(), sampler=[[5], [6]], batch_size=None))  # type: ignore[list-item]
    assert [int(item) for item in naive] == list(range(60))  # no matter what the sampler said
    ours = accelerator_of().prepare(DataLoader(BatchedDataset(Items()), sampler=batches, batch_size=None))
    with pytest.raises(TypeError, match="needs a list of indices, but got 0"):
        next(iter(ours))


def naively_resumed(kind: str, skip: bool, folder: Path) -> tuple[Received, Received]:
    """Accelerate's own way, with the sampler registered for checkpointing or (torch's) not."""

    def prepared() -> tuple[Any, Any]:
        accelerator = accelerator_of()
        accelerate.utils.set_seed(5)
        if kind == "torch":
            sampler: Any = torch.utils.data.WeightedRandomSampler(TABLE.probabilities(), DRAWS)
        else:
            sampler = WeightedRandomSampler(TABLE, DRAWS, seed=0)
            accelerator.register_for_checkpointing(sampler)
        return accelerator, accelerator.prepare(DataLoader(Items(), BATCH, sampler=sampler))

    accelerator, loader = prepared()
    whole = train(loader, range(2), lambda: accelerator.save_state(str(folder)))
    accelerator, loader = prepared()
    accelerator.wait_for_everyone()  # rank 0 writes the files
    accelerator.load_state(str(folder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the sampler says that its position has been dropped
        if skip:
            loader.set_epoch(1)
            loader = accelerate.skip_first_batches(loader, STOP)
        return whole, train(loader, range(1))


@pytest.mark.parametrize(("kind", "skip"), [("torch", True), ("ours", True), ("ours", False)])
def test_trap_accelerates_own_way_to_resume_loses_the_place(
    ranks: RankProcesses, tmp_path: Path, kind: str, skip: bool
) -> None:
    for whole, resumed in ranks.call(naively_resumed, kind, skip, tmp_path):
        tail = whole[STEPS + STOP :]
        assert resumed != tail
        if kind == "ours" and skip:
            assert len(resumed) < len(tail)  # skipped twice
        if kind == "ours" and not skip:
            assert resumed == whole[:STEPS]  # epoch 0 is replayed, for Accelerate counts epochs from 0 again


def error_of_sharing_twice() -> tuple[str, ...]:
    errors = []
    for options in ({}, {"dispatch_batches": True}):
        loader = DataLoader(Items(), BATCH, sampler=DistributedWeightedSampler(TABLE, DRAWS))
        with pytest.raises(TypeError) as caught:
            ResumableLoader(accelerator_of(**options).prepare(loader))
        errors.append(str(caught.value))
    skipping = accelerate.skip_first_batches(accelerator_of().prepare(loader_of("batches")), 2)
    stateful = accelerator_of(use_stateful_dataloader=True).prepare(loader_of("batches"))
    for loader in (skipping, stateful):
        with pytest.raises(ValueError, match="skip") as refused:
            ResumableLoader(loader)
        errors.append(str(refused.value))
    return tuple(errors)


def test_sharing_out_twice_and_skipping_twice_are_errors(ranks: RankProcesses) -> None:
    require("torchdata")
    for errors in ranks.call(error_of_sharing_twice):
        shared, dispatched, skipping, stateful = errors
        assert shared == dispatched
        assert "one of 2 ranks" in shared
        assert "prepare_rank_aware" in shared
        assert "skip twice" in skipping
        assert "StatefulDataLoader" in stateful


# ---- the same with ours -------------------------------------------------------------------------

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "split": {"split_batches": True},
    "dispatch": {"dispatch_batches": True},
    "dispatch-split": {"dispatch_batches": True, "split_batches": True},
}


def size_for(options: dict[str, Any]) -> int:
    return BATCH * WORLD if options.get("split_batches") else BATCH


def whole_and_resumed(kind: str, workers: int, options: dict[str, Any], folder: Path) -> tuple[Received, Received, Any]:
    def prepared(**more: Any) -> tuple[Any, ResumableLoader]:
        accelerator = accelerator_of(**options)
        loader = ResumableLoader(accelerator.prepare(loader_of(kind, size_for(options), workers=workers, **more)))
        accelerator.register_for_checkpointing(loader)
        return accelerator, loader

    accelerator, loader = prepared()
    whole = train(loader, range(2), lambda: accelerator.save_state(str(folder)))
    assert loader.epoch == 2
    at_end = loader.state_dict()
    accelerator, loader = prepared()
    accelerator.wait_for_everyone()  # rank 0 writes the files
    accelerator.load_state(str(folder))
    assert loader.epoch == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        resumed = train(loader, range(loader.epoch, 3))
    assert len(loader) == STEPS
    return whole, resumed, at_end


def in_order(parts: list[Received]) -> list[int]:
    """Puts the ranks' batches back into the order in which they were drawn."""
    return flat(flat(step) for step in zip(*parts, strict=True))


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(("kind", "workers"), [("indices", 0), ("batches", 2)])
def test_rank_free_samplers_go_on_exactly(
    ranks: RankProcesses, tmp_path: Path, kind: str, workers: int, name: str
) -> None:
    answers = ranks.call(whole_and_resumed, kind, workers, OPTIONS[name], tmp_path)
    everything = epoch_of(0) + epoch_of(1) + epoch_of(2)
    assert in_order([whole for whole, _, _ in answers]) == everything[: 2 * DRAWS]
    done = DRAWS + STOP * BATCH * WORLD
    assert in_order([resumed for _, resumed, _ in answers]) == everything[done:]
    states = [state for _, _, state in answers]
    assert states[0] == states[1]
    assert (states[0]["epoch"], states[0]["position"]) == (1, DRAWS)


def test_two_ranks_state_goes_on_with_one(ranks: RankProcesses, tmp_path: Path) -> None:
    ranks.call(whole_and_resumed, "indices", 0, {}, tmp_path)
    accelerator = accelerator_of()
    loader = ResumableLoader(accelerator.prepare(loader_of("batches", BATCH * WORLD)))
    accelerator.register_for_checkpointing(loader)
    accelerator.load_state(str(tmp_path))
    assert flat(train(loader, range(1))) == epoch_of(1)[STOP * BATCH * WORLD :]


def ragged(kind: str, options: dict[str, Any], draws: int) -> tuple[Received, Any]:
    loader = ResumableLoader(accelerator_of(**options).prepare(loader_of(kind, size_for(options), draws)))
    return train(loader, range(1)), loader.state_dict()


@pytest.mark.parametrize("draws", [83, 85])
@pytest.mark.parametrize("name", OPTIONS)
def test_at_a_ragged_tail_every_draw_is_delivered_once(ranks: RankProcesses, name: str, draws: int) -> None:
    answers = ranks.call(ragged, "batches", OPTIONS[name], draws)
    delivered = in_order([part for part, _ in answers])
    filler = len(delivered) - draws
    assert 0 <= filler < BATCH * WORLD
    assert delivered[:draws] == epoch_of(0, draws)
    assert delivered[draws:] == epoch_of(0, draws)[:filler]  # Accelerate repeats the beginning
    assert {state["position"] for _, state in answers} == {draws}


def rank_aware(kind: str, folder: Path) -> tuple[Received, Received]:
    def prepared() -> tuple[Any, ResumableLoader]:
        accelerator = accelerator_of()
        if kind == "batches":
            batches = DistributedWeightedBatchSampler(TABLE, DRAWS, batch_size=BATCH)
            loader: Any = DataLoader(Items(), batch_sampler=batches)  # type: ignore[arg-type]
        else:
            loader = DataLoader(Items(), BATCH, sampler=DistributedWeightedSampler(TABLE, DRAWS))
        resumable = ResumableLoader(prepare_rank_aware(accelerator, loader))
        accelerator.register_for_checkpointing(resumable)
        return accelerator, resumable

    accelerator, loader = prepared()
    whole = train(loader, range(2), lambda: accelerator.save_state(str(folder)))
    accelerator, loader = prepared()
    accelerator.wait_for_everyone()  # rank 0 writes the files
    accelerator.load_state(str(folder))
    return whole, train(loader, range(loader.epoch, 2))


@pytest.mark.parametrize("kind", ["indices", "batches"])
def test_rank_aware_samplers_are_not_shared_out_again(ranks: RankProcesses, tmp_path: Path, kind: str) -> None:
    for rank, (whole, resumed) in enumerate(ranks.call(rank_aware, kind, tmp_path)):
        assert flat(whole) == epoch_of(0)[rank::WORLD] + epoch_of(1)[rank::WORLD]
        assert resumed == whole[STEPS + STOP :]


# ---- in one process -----------------------------------------------------------------------------


def test_a_break_replays_nothing_and_pinned_epochs_are_kept() -> None:
    loader = ResumableLoader(accelerator_of().prepare(loader_of("batches", 10)))
    for _ in loader:
        break
    assert loader.state_dict()["position"] == 10
    assert flat(train(loader, range(1))) == epoch_of(1)
    loader.set_epoch(7)
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (7, 0)
    assert flat(train(loader, range(1))) == epoch_of(7)
    assert loader.epoch == 8
    again = ResumableLoader(accelerator_of().prepare(loader_of("indices", 10)))
    again.load_state_dict(loader.state_dict())
    assert again.epoch == 8
    assert flat(train(again, range(1))) == epoch_of(8)


def numbers_of(passes: list[Received]) -> list[int | None]:
    """Which epoch each pass was; None for an empty one."""
    known = [epoch_of(number) for number in range(8)]
    return [known.index(flat(batches)) if batches else None for batches in passes]


@pytest.mark.parametrize("kind", ["indices", "batches"])
def test_after_a_finished_pinned_pass_the_next_epoch_follows(kind: str) -> None:
    loader = ResumableLoader(accelerator_of().prepare(loader_of(kind)))
    loader.set_epoch(2)
    assert numbers_of([[batch.tolist() for batch in loader]]) == [2]
    state = loader.state_dict()
    loader = ResumableLoader(accelerator_of().prepare(loader_of(kind)))
    loader.load_state_dict(state)
    assert numbers_of([[batch.tolist() for batch in loader] for _ in range(3)]) == [3, 4, 5]


@pytest.mark.parametrize("kind", ["indices", "batches"])
def test_trap_accelerate_does_not_advance_after_an_empty_pass(kind: str) -> None:
    """Why ResumableLoader counts by itself: an empty pass leaves ``iteration`` where it was."""
    loader = accelerator_of().prepare(loader_of(kind))
    sampler_of(loader).set_epoch(2)
    list(loader)
    state = sampler_of(loader).state_dict()
    assert state["pinned"]
    loader = accelerator_of().prepare(loader_of(kind))
    sampler_of(loader).load_state_dict(state)
    iterations, passes = [], []
    for _ in range(3):
        iterations.append(loader.iteration)
        passes.append([batch.tolist() for batch in loader])
    assert iterations == [0, 0, 1]
    assert numbers_of(passes) == [None, 0, 1]


def test_without_a_seed_the_running_pass_is_what_is_saved() -> None:
    loader = ResumableLoader(accelerator_of().prepare(loader_of("batches", 10, seed=None, workers=2)))
    received: list[int] = []
    for batch in loader:
        received += batch.tolist()
        if len(received) == 30:
            state = loader.state_dict()
    again = ResumableLoader(accelerator_of().prepare(loader_of("batches", 10, seed=None)))
    again.load_state_dict(state)
    assert flat(train(again, range(1))) == received[30:]


def test_misuse_is_named() -> None:
    accelerator = accelerator_of()
    with pytest.raises(TypeError, match="needs what accelerator"):
        ResumableLoader(loader_of("indices"))
    with pytest.raises(TypeError, match="draws from RandomSampler"):
        ResumableLoader(accelerator.prepare(DataLoader(Items(), 5, shuffle=True)))
    sampler = DistributedWeightedBatchSampler(TABLE, DRAWS, batch_size=BATCH)
    with pytest.raises(ValueError, match="forgets the sampler"):
        prepare_rank_aware(accelerator, DataLoader(BatchedDataset(Items()), sampler=sampler, batch_size=None))
    with pytest.raises(ValueError, match="draws for 3 of 1 processes"):
        prepare_rank_aware(accelerator, DataLoader(Items(), 4, sampler=DistributedWeightedSampler(TABLE, DRAWS, 3, 0)))
    with pytest.raises(TypeError, match="needs a DataLoader, but got list"):
        prepare_rank_aware(accelerator, [1, 2])
    with pytest.raises(ValueError, match="only rank 0 draws"):
        prepare_rank_aware(accelerator_of(dispatch_batches=True), loader_of("indices"))
    loader = ResumableLoader(accelerator.prepare(loader_of("indices")))
    with pytest.raises(ValueError, match="kind is 'shuffle'"):
        loader.load_state_dict(ShuffleSampler(60, DRAWS, seed=0).state_dict())
    with pytest.raises(ValueError, match="epoch"):
        loader.set_epoch(-1)
