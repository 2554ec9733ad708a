"""Coverage reaches TensorBoard and Lightning's loggers, and Lightning's checkpoints."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from optional import require
from torch.utils.data import DataLoader, Dataset

from pysampler import AliasTable, CoverageTracker, DistributedWeightedSampler, WeightedRandomSampler, audit_coverage
from pysampler.integrations.coverage_logging import coverage_scalars, log_coverage
from pysampler.integrations.lightning_base import callback_class

ITEMS = 30
WEIGHTS = torch.arange(1.0, ITEMS + 1)


def used_tracker(**options: Any) -> CoverageTracker:
    tracker = CoverageTracker(10, **options)
    tracker.update([0, 1, 2])
    tracker.new_epoch()
    tracker.update([2, 2, 3])
    return tracker


def test_scalars_say_what_the_tracker_says() -> None:
    assert coverage_scalars(used_tracker()) == {
        "unique": 4,
        "fraction": 0.4,
        "unseen": 6,
        "draws": 6,
        "unique_this_epoch": 2,
        "fraction_this_epoch": 0.2,
    }
    assert "unique_this_epoch" not in coverage_scalars(used_tracker(epochs=False))
    by_class = coverage_scalars(used_tracker(labels=["cat"] * 8 + ["dog"] * 2), per_class=True)
    assert (by_class["fraction/cat"], by_class["fraction/dog"]) == (0.5, 0.0)
    with pytest.raises(RuntimeError, match="labels="):
        coverage_scalars(used_tracker(), per_class=True)


def test_tensorboard_reads_what_was_logged(tmp_path: Path) -> None:
    tensorboard = require("torch.utils.tensorboard")
    accumulator = require("tensorboard.backend.event_processing.event_accumulator")
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        log_coverage(writer, used_tracker(), 7)
        log_coverage(writer, used_tracker(), 8, prefix="seen")
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert {f"coverage/{name}" for name in coverage_scalars(used_tracker())} < set(events.Tags()["scalars"])
    (scalar,) = events.Scalars("coverage/unique_this_epoch")
    assert (scalar.step, scalar.value) == (7, 2.0)
    assert events.Scalars("seen/unseen")[0].value == 6.0


class Items(Dataset[dict[str, torch.Tensor]]):
    """Items that carry their indices."""

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"x": torch.ones(1), "index": torch.tensor(index)}


def fit(
    folder: Path, sampler: Any, callbacks: list[Any], epochs: int, **options: Any
) -> tuple[Any, list[dict[str, float]]]:
    """Trains a small model in Lightning. Returns the trainer and what was logged in each epoch."""
    lightning = require("lightning.pytorch")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Model(lightning.LightningModule):  # type: ignore[misc, name-defined]
        """One weight."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            return self.layer(batch["x"]).sum()  # type: ignore[no-any-return]

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.01)

    class Recorder(lightning.Callback):  # type: ignore[misc, name-defined]
        """Notes the metrics that monitoring callbacks would see."""

        def __init__(self) -> None:
            self.epochs: list[dict[str, float]] = []

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            self.epochs.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    recorder = Recorder()
    checkpoint = options.pop("ckpt_path", None)
    trainer = lightning.Trainer(
        default_root_dir=folder,
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[*callbacks, recorder],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(Model(), DataLoader(Items(), 4, sampler=sampler), ckpt_path=checkpoint)
    return trainer, recorder.epochs


def expected_scalars(epochs: int, **more: Any) -> list[dict[str, float]]:
    """What a loop without Lightning logs after each epoch."""
    sampler = WeightedRandomSampler(WEIGHTS, 20, seed=1)
    tracker = CoverageTracker(ITEMS, **more)
    logged = []
    for _ in range(epochs):
        tracker.update(list(sampler))
        logged.append({f"coverage/{name}": value for name, value in coverage_scalars(tracker).items()})
        tracker.new_epoch()
    return logged


def close(logged: list[dict[str, float]], expected: list[dict[str, float]]) -> bool:
    """Lightning keeps float32."""
    return len(logged) == len(expected) and all(
        one == pytest.approx(other, rel=1e-6) for one, other in zip(logged, expected, strict=True)
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ["watch", "key", "function"])
def test_lightning_logs_coverage_after_each_epoch(way: str, tmp_path: Path) -> None:
    require("lightning")
    from pysampler.integrations.lightning_coverage import CoverageCallback

    tracker = CoverageTracker(ITEMS, counts=True)
    sampler: Any = WeightedRandomSampler(WEIGHTS, 20, seed=1)
    indices: Any = {"watch": None, "key": "index", "function": lambda batch: batch["index"].tolist()}[way]
    watched = tracker.watch(sampler) if way == "watch" else sampler
    _, logged = fit(tmp_path, watched, [CoverageCallback(tracker, indices=indices)], 3)
    assert close(logged, expected_scalars(3))
    assert not close(logged, expected_scalars(3)[::-1])
    assert torch.equal(tracker.counts, audit_coverage(sampler, epochs=3, counts=True).counts)


@pytest.mark.filterwarnings("ignore")
def test_batches_that_were_drawn_but_not_trained_on_do_not_count_where_batches_carry_indices(tmp_path: Path) -> None:
    require("lightning")
    from pysampler.integrations.lightning_coverage import CoverageCallback

    tracker = CoverageTracker(ITEMS)
    sampler = WeightedRandomSampler(WEIGHTS, 20, seed=1)
    fit(tmp_path, sampler, [CoverageCallback(tracker, indices="index")], 1, limit_train_batches=3)
    assert tracker.draws == 12
    assert tracker.unique == audit_coverage(sampler, epochs=0, position=12).unique


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_carries_coverage_on(tmp_path: Path) -> None:
    require("lightning")
    from pysampler.integrations.lightning_coverage import CoverageCallback

    tracker = CoverageTracker(ITEMS, labels=[0, 1] * 15)
    callback = CoverageCallback(tracker, indices="index", per_class=True)
    sampler = WeightedRandomSampler(WEIGHTS, 20, seed=1)
    trainer, logged = fit(tmp_path, sampler, [callback], 2)
    assert logged[1]["coverage/fraction/1"] == pytest.approx(tracker.class_coverage().fraction[1])
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    resumed = CoverageTracker(ITEMS)
    callback = CoverageCallback(resumed, indices="index")
    _, logged = fit(tmp_path, sampler, [callback], 4, ckpt_path=tmp_path / "two.ckpt")
    assert close(logged, expected_scalars(4)[2:])
    assert resumed.epoch == 4


def test_a_checkpoint_is_loaded_by_rank_0_alone_so_that_it_counts_once() -> None:
    require("lightning")
    from pysampler.integrations.lightning_coverage import CoverageCallback

    class Trainer:
        global_rank = 0

    saved = used_tracker(counts=True)
    checkpoint: dict[str, Any] = {}
    CoverageCallback(saved).on_save_checkpoint(None, None, checkpoint)
    together = CoverageTracker(10, counts=True)
    for rank in range(3):
        Trainer.global_rank = rank
        tracker = CoverageTracker(10, counts=True)
        tracker.update([9])
        CoverageCallback(tracker).on_load_checkpoint(Trainer(), None, checkpoint)
        assert tracker.epoch == saved.epoch
        together.merge(tracker)
    assert torch.equal(together.counts, saved.counts)
    assert (together.draws, together.draws_this_epoch) == (saved.draws, saved.draws_this_epoch)
    tracker = used_tracker()
    CoverageCallback(tracker).on_load_checkpoint(Trainer(), None, {})  # of a run without the callback
    assert tracker.unique == 4


@pytest.mark.filterwarnings("ignore")
def test_lightning_leaves_a_watched_distributed_sampler_alone(tmp_path: Path) -> None:
    require("lightning")
    tracker = CoverageTracker(ITEMS)
    sampler = DistributedWeightedSampler(AliasTable(WEIGHTS), 20, 1, 0, seed=1)
    trainer, _ = fit(tmp_path, tracker.watch(sampler), [], 2, use_distributed_sampler=True)
    assert trainer.train_dataloader.sampler.watched_sampler is sampler
    assert tracker.unique == audit_coverage(sampler, epochs=2).unique


def test_wrong_arguments_of_the_callback_are_named() -> None:
    require("lightning")
    from pysampler.integrations.lightning_coverage import CoverageCallback

    with pytest.raises(TypeError, match="got int"):
        CoverageCallback(5)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="labels="):
        CoverageCallback(CoverageTracker(3), per_class=True)
    assert CoverageCallback(CoverageTracker(3), prefix="a").state_key != CoverageCallback(CoverageTracker(3)).state_key


def test_whichever_lightning_package_is_in_use_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.delitem(sys.modules, package, raising=False)
    old: Any = ModuleType("pytorch_lightning")
    old.Callback = type("Callback", (), {})
    monkeypatch.setitem(sys.modules, "pytorch_lightning", old)
    assert callback_class() is old.Callback
    for package in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(ImportError, match="pip install lightning"):
        callback_class()
