"""Accelerate with use_stateful_dataloader=True: what it resumes with, and that our advice is the way out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from families import hashed_integers
from optional import require
from oracle import flat
from standing_ranks import RankProcesses
from torch.utils.data import DataLoader

from pysampler import AliasTable, WeightedBatchSampler, WeightedRandomSampler

accelerate = require("accelerate")
require("torchdata")
from pysampler.integrations.accelerate import ResumableLoader  # noqa: E402  # needs Accelerate

TABLE = AliasTable(hashed_integers(60) + 1)
DRAWS, WORLD, BATCH, STOP = 80, 2, 4, 3  # STOP: steps into epoch 1

Received = list[list[int]]


def prepared(kind: str, stateful: bool = True, resumable: bool = False) -> tuple[Any, Any]:
    options = accelerate.utils.DataLoaderConfiguration(use_stateful_dataloader=stateful)
    accelerator = accelerate.Accelerator(cpu=True, dataloader_config=options)
    sampler = WeightedRandomSampler(TABLE, DRAWS, seed=0)
    items = list(range(len(TABLE)))
    if kind == "batches":
        loader: Any = DataLoader(items, batch_sampler=WeightedBatchSampler(sampler, BATCH))  # type: ignore[arg-type]
    else:
        loader = DataLoader(items, BATCH, sampler=sampler)  # type: ignore[arg-type]
    loader = accelerator.prepare(loader)
    if resumable:
        loader = ResumableLoader(loader)
        accelerator.register_for_checkpointing(loader)
    return accelerator, loader


def whole_and_resumed(kind: str, says_epoch: bool, folder: Path, **how: Any) -> tuple[list[Received], list[Received]]:
    """Two epochs, saved after STOP steps of epoch 1; and two passes of a run that was resumed there."""
    accelerator, loader = prepared(kind, **how)
    whole: list[Received] = []
    for epoch in range(2):
        whole.append([])
        for step, batch in enumerate(loader, 1):
            whole[-1].append(batch.tolist())
            if (epoch, step) == (1, STOP):
                accelerator.save_state(str(folder))
    accelerator, loader = prepared(kind, **how)
    accelerator.wait_for_everyone()  # rank 0 writes the files
    accelerator.load_state(str(folder))
    if says_epoch:
        loader.set_epoch(1)
    return whole, [[batch.tolist() for batch in loader] for _ in range(2)]


def epoch_of(number: int, answers: list[Any], part: int) -> None:
    """Asserts that a pass, put together over ranks, is what is left of an epoch."""
    together = flat(flat(step) for step in zip(*(resumed[part] for _, resumed in answers), strict=True))
    expected = TABLE.draw(DRAWS, seed=0, epoch=number).tolist()
    assert together == expected[DRAWS - len(together) :]


@pytest.fixture(scope="module")
def ranks() -> Iterator[RankProcesses]:
    with RankProcesses(WORLD) as processes:
        yield processes


def answers_of(ranks: RankProcesses, world: int, *arguments: Any, **how: Any) -> list[Any]:
    if world == 1:
        return [whole_and_resumed(*arguments, **how)]
    return ranks.call(_with_options, arguments, how)


def _with_options(arguments: Any, how: Any) -> Any:
    return whole_and_resumed(*arguments, **how)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("world", "kind"), [(1, "indices"), (2, "indices"), (2, "batches")])
def test_trap_a_stateful_loader_goes_on_with_the_order_of_epoch_0(
    ranks: RankProcesses, tmp_path: Path, world: int, kind: str
) -> None:
    for whole, resumed in answers_of(ranks, world, kind, False, tmp_path):
        assert resumed[0] == whole[0][STOP:]
        assert resumed[1] == whole[1]  # and epoch 1 once more


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_trap_in_one_process_with_a_batch_sampler_it_repeats_the_epoch(ranks: RankProcesses, tmp_path: Path) -> None:
    ((whole, resumed),) = answers_of(ranks, 1, "batches", False, tmp_path)
    assert resumed == [whole[1][STOP:], whole[1]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["indices", "batches"])
@pytest.mark.parametrize("world", [1, 2])
def test_set_epoch_after_loading_makes_a_stateful_loader_go_on(
    ranks: RankProcesses, tmp_path: Path, world: int, kind: str
) -> None:
    answers = answers_of(ranks, world, kind, True, tmp_path)
    for whole, resumed in answers:
        assert resumed[0] == whole[1][STOP:]
    epoch_of(2, answers, 1)


@pytest.mark.parametrize("kind", ["indices", "batches"])
@pytest.mark.parametrize("world", [1, 2])
def test_what_the_refusal_says_goes_on_exactly(ranks: RankProcesses, tmp_path: Path, world: int, kind: str) -> None:
    """The message names an option of DataLoaderConfiguration to leave off: then ResumableLoader keeps the place."""
    with pytest.raises(ValueError, match="leave use_stateful_dataloader off") as refused:
        prepared(kind, resumable=True)
    assert "ResumableLoader keeps the place" in str(refused.value)
    answers = answers_of(ranks, world, kind, False, tmp_path, stateful=False, resumable=True)
    for whole, resumed in answers:
        assert resumed[0] == whole[1][STOP:]
    epoch_of(2, answers, 1)
