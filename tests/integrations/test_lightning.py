"""Lightning itself, on one process and on two: what the dataset is asked for, also after resuming in mid-epoch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from families import hashed_integers
from optional import require
from oracle import flat
from processes import output_of
from standing_ranks import RankProcesses
from torch.utils.data import DataLoader, Dataset, Sampler

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)

lightning = require("lightning.pytorch")
from lightning.fabric.utilities.warnings import PossibleUserWarning  # noqa: E402

from pysampler.integrations.lightning import ResumeSampler  # noqa: E402  # needs Lightning

TABLE = AliasTable(hashed_integers(60) + 1)
DRAWS, WORLD, BATCH = 80, 2, 5
STEPS = DRAWS // (WORLD * BATCH)
STOP = STEPS + 3  # in the middle of epoch 1

Received = list[list[int]]


class Items(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index

    def __len__(self) -> int:
        return len(TABLE)


class Records(lightning.LightningModule):
    """Keeps the indices of each batch. (Items are their own indices.)"""

    def __init__(self) -> None:
        super().__init__()
        self.parameter = torch.nn.Parameter(torch.zeros(()))
        self.received: Received = []

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        self.received.append(batch.tolist())
        return self.parameter * batch.sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.01)


def fit(loader: Any, folder: Path, resume_at: int | None = None, callbacks: Any = (), **more: Any) -> Received:
    """Trains two epochs, with a checkpoint at every step; or goes on from that of step ``resume_at``."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    every_step = lightning.callbacks.ModelCheckpoint(
        folder, "{step}", save_top_k=-1, every_n_train_steps=1, save_on_train_epoch_end=False
    )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    where = {"accelerator": "cpu", "devices": world()}
    trainer = lightning.Trainer(callbacks=[*callbacks, every_step], **{"max_epochs": 2, **quiet, **where, **more})
    model = Records()
    path = None if resume_at is None else folder / f"step={resume_at}.ckpt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PossibleUserWarning)  # advice
        trainer.fit(model, loader, ckpt_path=path, **({} if path is None else {"weights_only": True}))
    return model.received


def world() -> int:
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def loader_of(kind: str, workers: int = 0, batch_size: int = BATCH, **more: Any) -> Any:
    if kind == "batches":
        sampler: Any = DistributedWeightedBatchSampler(TABLE, DRAWS, batch_size=batch_size, **more)
        return DataLoader(BatchedDataset(Items()), sampler=sampler, batch_size=None, num_workers=workers)
    kinds = {"indices": DistributedWeightedSampler, "rank-free": WeightedRandomSampler}
    return DataLoader(Items(), batch_size, sampler=kinds[kind](TABLE, DRAWS, **more), num_workers=workers)


def expected(epochs: range, ranks: int = WORLD) -> list[Received]:
    """What each rank must receive: from the table itself."""
    parts = [
        [TABLE.draw(DRAWS // ranks, seed=0, epoch=epoch, start=rank, step=ranks) for epoch in epochs]
        for rank in range(ranks)
    ]
    return [torch.cat(part).view(-1, DRAWS // ranks // STEPS).tolist() for part in parts]


def tails(everything: list[Received], done: int) -> list[Received]:
    return [received[done:] for received in everything]


@pytest.fixture(scope="module")
def ranks() -> Iterator[RankProcesses]:
    with RankProcesses(WORLD) as processes:
        yield processes


# ---- the traps ----------------------------------------------------------------------------------


def resumed_and_not(sampler: Any, folder: Path, workers: int) -> tuple[Received, Received]:
    def loader() -> Any:
        lightning.seed_everything(1, verbose=False)
        return DataLoader(Items(), BATCH * WORLD, sampler=sampler, num_workers=workers)

    return fit(loader(), folder), fit(loader(), folder, STOP)


@pytest.mark.parametrize("workers", [0, 2])
def test_trap_torchs_sampler_replays_what_was_trained_on(tmp_path: Path, workers: int) -> None:
    sampler = torch.utils.data.WeightedRandomSampler(TABLE.probabilities(), DRAWS)
    whole, resumed = resumed_and_not(sampler, tmp_path, workers)
    assert len(resumed) == len(whole) - STOP
    assert resumed != whole[STOP:]
    assert resumed == whole[: len(resumed)]  # from the beginning of epoch 0


class RankAware(Sampler[int]):
    """Knows its rank, but is no DistributedSampler."""

    def __iter__(self) -> Iterator[int]:
        return iter(TABLE.draw(len(self), seed=0, start=torch.distributed.get_rank(), step=WORLD).tolist())

    def __len__(self) -> int:
        return DRAWS // WORLD


def fit_rank_aware(folder: Path) -> Received:
    return fit(DataLoader(Items(), BATCH, sampler=RankAware()), folder, max_epochs=1)


def test_trap_a_rank_aware_sampler_of_another_class_is_shared_out_twice(ranks: RankProcesses, tmp_path: Path) -> None:
    received = ranks.call(fit_rank_aware, tmp_path)
    assert [len(flat(part)) for part in received] == [DRAWS // WORLD // WORLD] * WORLD  # half the data is lost


def error_of_wrapped_batches(folder: Path) -> str:
    batches = WeightedBatchSampler(WeightedRandomSampler(TABLE, DRAWS, seed=0), BATCH)
    with pytest.raises(TypeError) as caught:
        fit(DataLoader(Items(), batch_sampler=batches), folder)
    return str(caught.value)


def error_of_rank_free(folder: Path) -> tuple[str, str]:
    with pytest.raises(TypeError) as wrapped:
        fit(loader_of("rank-free", seed=0), folder, callbacks=[ResumeSampler()])
    with pytest.raises(ValueError, match="take a DistributedWeightedSampler") as same:
        fit(loader_of("rank-free", seed=0), folder, callbacks=[ResumeSampler()], use_distributed_sampler=False)
    return str(wrapped.value), str(same.value)


def test_weights_are_never_lost_without_an_error(ranks: RankProcesses, tmp_path: Path) -> None:
    for message in ranks.call(error_of_wrapped_batches, tmp_path):
        assert "got DistributedSampler" in message
        assert "DistributedWeightedBatchSampler" in message
    for wrapped, same in ranks.call(error_of_rank_free, tmp_path):
        assert "draws from DistributedSamplerWrapper" in wrapped
        assert "draws for 1 ranks, but Lightning trains 2" in same
    with pytest.raises(TypeError, match="draws from SequentialSampler"):
        fit(loader_of("indices"), tmp_path, callbacks=[ResumeSampler()], overfit_batches=2)


# ---- the same with ours -------------------------------------------------------------------------


def whole_and_resumed(kind: str, workers: int, folder: Path) -> tuple[Received, dict[int, Received]]:
    whole = fit(loader_of(kind, workers), folder, callbacks=[ResumeSampler()])
    stops = [STEPS, STOP] if workers else [1, STEPS - 1, STEPS, STOP]
    return whole, {stop: fit(loader_of(kind, workers), folder, stop, callbacks=[ResumeSampler()]) for stop in stops}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["indices", "batches"])
def test_two_ranks_with_default_settings_go_on_exactly(
    ranks: RankProcesses, tmp_path: Path, kind: str, workers: int
) -> None:
    answers = ranks.call(whole_and_resumed, kind, workers, tmp_path)
    everything = expected(range(2))
    assert [whole for whole, _ in answers] == everything
    for stop in answers[0][1]:
        assert [resumed[stop] for _, resumed in answers] == tails(everything, stop)


def test_two_ranks_checkpoint_goes_on_with_one(ranks: RankProcesses, tmp_path: Path) -> None:
    ranks.call(whole_and_resumed, "indices", 0, tmp_path)
    loader = loader_of("batches", 2, BATCH * WORLD)
    assert [fit(loader, tmp_path, STOP, callbacks=[ResumeSampler()])] == tails(expected(range(2), 1), STOP)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_drop_in_without_a_seed_goes_on_too(tmp_path: Path, workers: int) -> None:
    lightning.seed_everything(7, verbose=False)
    whole = fit(loader_of("rank-free", workers, BATCH * WORLD), tmp_path, callbacks=[ResumeSampler()])
    lightning.seed_everything(8, verbose=False)
    for stop in (3, STOP):
        resumed = fit(loader_of("rank-free", workers, BATCH * WORLD), tmp_path, stop, callbacks=[ResumeSampler()])
        rest_of_epoch = slice(stop, STEPS if stop < STEPS else None)
        assert resumed[: STEPS - stop % STEPS] == whole[rest_of_epoch]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_cut_short_is_followed_by_the_next(tmp_path: Path, workers: int) -> None:
    """limit_train_batches ends every epoch early; max_steps the last one, at whose end Lightning saves by default."""
    epochs = [expected(range(epoch, epoch + 1), 1)[0] for epoch in range(3)]

    def loader() -> Any:
        return loader_of("indices", workers, BATCH * WORLD)

    limit = {"callbacks": [ResumeSampler()], "limit_train_batches": 5}
    assert fit(loader(), tmp_path, **limit) == epochs[0][:5] + epochs[1][:5]
    assert fit(loader(), tmp_path, 5, **limit) == epochs[1][:5]
    assert fit(loader(), tmp_path, 7, **limit) == epochs[1][2:5]

    at_epoch_end = lightning.callbacks.ModelCheckpoint(tmp_path / "end", "end")
    fit(loader(), tmp_path, callbacks=[ResumeSampler(), at_epoch_end], max_epochs=-1, max_steps=STOP)
    (tmp_path / "end" / "end.ckpt").rename(tmp_path / "step=99.ckpt")
    after = fit(loader(), tmp_path, 99, callbacks=[ResumeSampler()], max_epochs=3)
    assert after == epochs[2]
    from_mid_epoch = fit(loader(), tmp_path, STOP, callbacks=[ResumeSampler()], max_epochs=3)
    assert from_mid_epoch == epochs[1][STOP - STEPS :] + epochs[2]


def test_a_trainer_is_used_again_without_remembering_the_checkpoint(tmp_path: Path) -> None:
    callback = ResumeSampler()
    whole = fit(loader_of("indices"), tmp_path, callbacks=[callback])
    assert fit(loader_of("indices"), tmp_path, STOP, callbacks=[callback]) == whole[STOP:]
    assert fit(loader_of("indices"), tmp_path / "again", callbacks=[callback]) == whole


# ---- misuse -------------------------------------------------------------------------------------


def test_checkpoints_of_others_are_named(tmp_path: Path) -> None:
    fit(loader_of("indices"), tmp_path)
    with pytest.warns(UserWarning, match="holds no sampler's state"):
        fit(loader_of("indices"), tmp_path, 1, callbacks=[ResumeSampler()])
    fit(loader_of("indices", seed=5), tmp_path / "other", callbacks=[ResumeSampler()])
    with pytest.raises(ValueError, match="seed is 5 in the state but 0 here"):
        fit(loader_of("indices"), tmp_path / "other", 1, callbacks=[ResumeSampler()])


def test_loaders_that_it_cannot_answer_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="one DataLoader for training, but got list"):
        fit([loader_of("indices"), loader_of("indices")], tmp_path, callbacks=[ResumeSampler()])
    stateful = require("torchdata.stateful_dataloader").StatefulDataLoader
    loader = stateful(Items(), BATCH, sampler=DistributedWeightedSampler(TABLE, DRAWS))
    with pytest.raises(TypeError, match="skipped twice"):
        fit(loader, tmp_path, callbacks=[ResumeSampler()])


def test_the_older_package_name_works_alone() -> None:
    require("pytorch_lightning")
    code = """
        import sys
        import pytorch_lightning
        from pysampler.integrations.lightning import ResumeSampler
        assert "lightning.pytorch" not in sys.modules
        print(issubclass(ResumeSampler, pytorch_lightning.Callback))
    """
    assert output_of(code).split()[-1] == "True"


def fit_to_ends(loader: Any, folder: Path, resume: bool, callbacks: Any = ()) -> Received:
    """Trains three epochs, with a checkpoint after each; or goes on from the end of the first."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    at_ends = lightning.callbacks.ModelCheckpoint(folder, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(callbacks=[*callbacks, at_ends], accelerator="cpu", devices=1, max_epochs=3, **quiet)
    model = Records()
    path = {"ckpt_path": folder / "epoch=0.ckpt", "weights_only": True} if resume else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(model, loader, **path)
    return model.received


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [0, 2])
def test_the_refused_stateful_loader_misses_epochs_and_the_advised_one_does_not(tmp_path: Path, workers: int) -> None:
    """Alone, a StatefulDataLoader goes on from mid-epoch, but not from an epoch's end: as with torch's sampler."""
    stateful = require("torchdata.stateful_dataloader").StatefulDataLoader

    def loader(kind: Any) -> Any:
        sampler = DistributedWeightedSampler(TABLE, DRAWS, seed=0)
        return kind(Items(), BATCH * WORLD, sampler=sampler, num_workers=workers)

    whole = fit(loader(stateful), tmp_path / "steps")
    assert fit(loader(stateful), tmp_path / "steps", STOP) == whole[STOP:]
    assert fit(loader(stateful), tmp_path / "steps", STEPS) == []  # epoch 1 is left out
    whole = fit_to_ends(loader(stateful), tmp_path / "ends", resume=False)
    resumed = fit_to_ends(loader(stateful), tmp_path / "ends", resume=True)
    if workers:
        assert resumed == whole[:STEPS] + whole[2 * STEPS :]  # epoch 0 once more
    else:
        assert resumed == whole[STEPS:]

    advised = code_of_refusal(loader(stateful), tmp_path)
    fit(loader(advised), tmp_path / "advised steps", callbacks=[ResumeSampler()])
    resumed = fit(loader(advised), tmp_path / "advised steps", STEPS, callbacks=[ResumeSampler()])
    assert resumed == whole[STEPS : 2 * STEPS]
    fit_to_ends(loader(advised), tmp_path / "advised", resume=False, callbacks=[ResumeSampler()])
    resumed = fit_to_ends(loader(advised), tmp_path / "advised", resume=True, callbacks=[ResumeSampler()])
    assert resumed == whole[STEPS:]


def code_of_refusal(loader: Any, folder: Path) -> Any:
    with pytest.raises(TypeError, match="give ResumeSampler a") as refused:
        fit(loader, folder, callbacks=[ResumeSampler()])
    return eval(str(refused.value).rsplit(" ", 1)[1])
