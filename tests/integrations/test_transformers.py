"""Hugging Face's Trainer itself: what the model is given, in a whole run and in one resumed at epoch 1, step 1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from families import hashed_integers
from optional import require
from oracle import flat
from standing_ranks import RankProcesses
from torch.utils.data import Dataset

from pysampler import AliasTable, DistributedWeightedSampler, ShuffleSampler, WeightedRandomSampler

transformers = require("transformers")
require("accelerate")
from pysampler.integrations.transformers import EpochOnResume, WeightedBatches  # noqa: E402  # needs transformers

TABLE = AliasTable(hashed_integers(60) + 1)
DRAWS, WORLD, BATCH, EPOCHS = 80, 2, 4, 3
STEPS = DRAWS // (WORLD * BATCH)
STOP = STEPS + 1  # epoch 1, step 1

Received = list[list[int]]


class Items(Dataset[Any]):
    def __getitem__(self, index: int) -> dict[str, int]:
        return {"index": index}

    def __len__(self) -> int:
        return len(TABLE)


class Records(torch.nn.Module):
    """Keeps the indices of each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.parameter = torch.nn.Parameter(torch.zeros(()))
        self.received: Received = []

    def forward(self, index: torch.Tensor) -> dict[str, torch.Tensor]:
        self.received.append(index.tolist())
        return {"loss": self.parameter * index.sum()}


class Naive(transformers.Trainer):
    """The way that its documentation shows: another sampler, and no more."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return WeightedRandomSampler(TABLE, DRAWS, seed=0)


class Weighted(WeightedBatches, transformers.Trainer):
    pass


def arguments(folder: Path, batch_size: int = BATCH, **more: Any) -> Any:
    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": batch_size,
        "num_train_epochs": EPOCHS,
        "save_steps": STOP,
        "use_cpu": True,
        "report_to": [],
        "logging_strategy": "no",
        "disable_tqdm": True,
    }
    return transformers.TrainingArguments(**{**settings, **more})


def train(trainer_class: Any, folder: Path, resume_at: int | None = None, settings: Any = (), **more: Any) -> Received:
    model = Records()
    trainer = trainer_class(model, arguments(folder, **dict(settings)), train_dataset=Items(), **more)
    trainer.train(resume_from_checkpoint=resume_at and str(folder / f"checkpoint-{resume_at}"))
    return model.received


def whole_and_resumed(trainer_class: Any, folder: Path, settings: dict[str, Any], more: Any) -> tuple[Any, Any]:
    return (
        train(trainer_class, folder, settings=settings, **more()),
        train(trainer_class, folder, STOP, settings, **more()),
    )


def nothing() -> dict[str, Any]:
    return {}


def callback() -> dict[str, Any]:
    return {"callbacks": [EpochOnResume]}


def weighted() -> dict[str, Any]:
    return {"train_sampler": WeightedRandomSampler(TABLE, DRAWS, seed=0)}


def shuffle() -> dict[str, Any]:
    return {"train_sampler": ShuffleSampler(len(TABLE), seed=0)}


def epochs(first: int = 0) -> list[int]:
    return flat(TABLE.draw(DRAWS, seed=0, epoch=epoch).tolist() for epoch in range(first, EPOCHS))


def in_order(parts: list[Received]) -> list[int]:
    return flat(flat(step) for step in zip(*parts, strict=True))


@pytest.fixture(scope="module")
def ranks() -> Iterator[RankProcesses]:
    with RankProcesses(WORLD) as processes:
        yield processes


def test_trap_a_resumed_run_draws_epoch_0_again(ranks: RankProcesses, tmp_path: Path) -> None:
    answers = ranks.call(whole_and_resumed, Naive, tmp_path, {}, nothing)
    assert in_order([whole for whole, _ in answers]) == epochs()
    resumed = in_order([resumed for _, resumed in answers])
    done = STOP * BATCH * WORLD
    assert resumed != epochs()[done:]
    assert resumed[: DRAWS - BATCH * WORLD] == epochs()[BATCH * WORLD : DRAWS]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("trainer_class", "more"), [(Naive, callback), (Weighted, weighted)])
def test_two_ranks_go_on_exactly(
    ranks: RankProcesses, tmp_path: Path, trainer_class: Any, more: Any, workers: int
) -> None:
    answers = ranks.call(whole_and_resumed, trainer_class, tmp_path, {"dataloader_num_workers": workers}, more)
    assert in_order([whole for whole, _ in answers]) == epochs()
    assert in_order([resumed for _, resumed in answers]) == epochs()[STOP * BATCH * WORLD :]


@pytest.mark.parametrize("stop", [STOP, STEPS])
def test_one_process_goes_on_exactly(tmp_path: Path, stop: int) -> None:
    settings = {"batch_size": BATCH * WORLD, "save_steps": stop}
    assert flat(train(Weighted, tmp_path, settings=settings, **weighted())) == epochs()
    resumed = train(Weighted, tmp_path, stop, settings, **weighted())
    assert flat(resumed) == epochs()[stop * BATCH * WORLD :]


def test_a_shuffle_does_as_well(tmp_path: Path) -> None:
    received = train(Weighted, tmp_path, settings={"batch_size": 10, "num_train_epochs": 1}, **shuffle())
    assert sorted(flat(received)) == list(range(len(TABLE)))


def error_without_a_seed(folder: Path) -> str:
    with pytest.raises(ValueError, match="seed") as caught:
        train(Weighted, folder, train_sampler=WeightedRandomSampler(TABLE, DRAWS))
    return str(caught.value)


def test_misuse_is_named(ranks: RankProcesses, tmp_path: Path) -> None:
    for message in ranks.call(error_without_a_seed, tmp_path):
        assert "all draw the same" in message
    with pytest.raises(TypeError, match="would leave out what other ranks draw"):
        train(Weighted, tmp_path, train_sampler=DistributedWeightedSampler(TABLE, DRAWS))
    torchs = torch.utils.data.WeightedRandomSampler([1.0], 1)
    with pytest.raises(TypeError, match="must be a sampler of pysampler, but got WeightedRandomSampler"):
        train(Weighted, tmp_path, train_sampler=torchs)
    with pytest.raises(TypeError, match="draws from SeedableRandomSampler"):
        train(transformers.Trainer, tmp_path, **callback())
    sampler = WeightedRandomSampler(TABLE, DRAWS, seed=0)
    sampler.load_state_dict({**sampler.state_dict(), "position": 8})
    with pytest.raises(ValueError, match="would go on at position 8, but Trainer skips"):
        train(Weighted, tmp_path, train_sampler=sampler)


def loader_arguments(trainer: Any, monkeypatch: pytest.MonkeyPatch, module: Any) -> dict[str, Any]:
    """What a trainer hands to torch's DataLoader."""
    seen: list[dict[str, Any]] = []

    class Recorded(torch.utils.data.DataLoader):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            seen.append(named)
            super().__init__(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(module, "DataLoader", Recorded)
        trainer.get_train_dataloader()
    return seen[0]


def test_the_loader_gets_every_argument_that_trainers_own_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker seeding carries the rank: without it, workers of two ranks would augment alike."""
    arguments = transformers.TrainingArguments(
        tmp_path, per_device_train_batch_size=BATCH, dataloader_num_workers=2, report_to=[], use_cpu=True
    )
    stock = transformers.Trainer(Records(), arguments, train_dataset=Items())
    ours = Weighted(Records(), arguments, train_dataset=Items(), train_sampler=WeightedRandomSampler(TABLE, seed=0))
    expected = loader_arguments(stock, monkeypatch, transformers.trainer)
    found = loader_arguments(ours, monkeypatch, torch.utils.data)
    replaced = {"sampler", "batch_size", "drop_last", "shuffle"}
    assert found.keys() - {"batch_sampler"} == expected.keys() - replaced
    for name in found.keys() - {"batch_sampler", "worker_init_fn", "collate_fn"}:
        assert found[name] == expected[name]
    seeding, stocks = found["worker_init_fn"], expected["worker_init_fn"]
    assert (seeding.func, seeding.keywords) == (stocks.func, stocks.keywords)


def test_a_strategy_of_trainers_beside_the_sampler_is_refused(tmp_path: Path) -> None:
    if "train_sampling_strategy" not in transformers.TrainingArguments.__dataclass_fields__:
        arguments = transformers.TrainingArguments(tmp_path, group_by_length=True, report_to=[], use_cpu=True)
    else:
        arguments = transformers.TrainingArguments(
            tmp_path, train_sampling_strategy="group_by_length", report_to=[], use_cpu=True
        )
    with pytest.raises(ValueError, match="group_by_length"):
        Weighted(Records(), arguments, train_dataset=Items(), train_sampler=WeightedRandomSampler(TABLE, seed=0))


def test_a_position_and_no_skipping_go_on_exactly(tmp_path: Path) -> None:
    """EpochOnResume refuses a position unless ignore_data_skip=True: then it is where training goes on."""
    settings = {"batch_size": BATCH * WORLD}
    train(Weighted, tmp_path, settings=settings, **weighted())
    sampler = WeightedRandomSampler(TABLE, DRAWS, seed=0)
    done = (STOP - STEPS) * BATCH * WORLD
    sampler.load_state_dict({**sampler.state_dict(), "epoch": 1, "position": done})
    settings = {**settings, "ignore_data_skip": True}
    assert flat(train(Weighted, tmp_path, STOP, settings, train_sampler=sampler)) == epochs(1)[done:]
