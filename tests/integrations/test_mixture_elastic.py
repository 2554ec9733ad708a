"""A Mixture trained from on two ranks, with its shares changed, goes on on three or on one: Lightning, Accelerate."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from optional import require
from rank_processes import on_ranks
from torch.utils.data import DataLoader, Dataset

from pysampler import DistributedWeightedSampler, Mixture, WeightedBatchSampler, WeightedRandomSampler

SIZES, SHARES, NEW_SHARES = (90, 40, 20), (5, 3, 2), (1, 2, 6)
DRAWS, STEP_DRAWS, WINDOW = 120, 12, 20  # of an epoch, and of a step over all ranks
STEPS = DRAWS // STEP_DRAWS
CHANGED_AT, SAVED_AT = STEPS + 2, STEPS + 4  # steps, in the middle of epoch 1

Received = list[list[int]]


class Items(Dataset[int]):
    def __len__(self) -> int:
        return sum(SIZES)

    def __getitem__(self, index: int) -> int:
        return index


def mixture() -> Mixture:
    return Mixture(SIZES, SHARES, window=WINDOW)


def on_gloo_ranks(world: int, work: Callable[[], Any]) -> list[Any]:
    """Forked ranks, which need not import frameworks again."""

    def rank_of_group(rank: int) -> Any:
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
        os.environ.update({name: str(number) for name, number in numbers.items()})
        os.environ.update({"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"})  # for show: a file is the store
        return work()

    return on_ranks(world, rank_of_group)


def in_order(parts: list[list[int]]) -> list[int]:
    """Puts what ranks have got back into the order of positions."""
    return list(chain.from_iterable(zip(*parts, strict=True)))


def check(answers: list[tuple[int, list[int]]], resumed: dict[int, list[list[int]]]) -> None:
    """The run of two ranks, and what followed on others, are the mixture's own draws with the change where it was."""
    positions = {position for position, _ in answers}
    assert len(positions) == 1
    position = positions.pop()
    assert CHANGED_AT * STEP_DRAWS <= position < 3 * DRAWS - 2 * WINDOW  # behind what loaders have read ahead
    expected = mixture()
    expected.at(position, NEW_SHARES)
    stream = expected.draw(3 * DRAWS, seed=0).tolist()
    assert stream != mixture().draw(3 * DRAWS, seed=0).tolist()
    assert in_order([received for _, received in answers]) == stream
    for parts in resumed.values():
        assert in_order(parts) == stream[SAVED_AT * STEP_DRAWS :]


def test_lightning_goes_on_with_changed_shares_on_other_numbers_of_ranks(tmp_path: Path) -> None:
    lightning = require("lightning.pytorch")
    from pysampler.integrations.lightning import ResumeSampler

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Records(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self, source: Mixture, changed_at: int | None) -> None:
            super().__init__()
            self.parameter = torch.nn.Parameter(torch.zeros(()))
            self.source, self.changed_at = source, changed_at
            self.received: list[int] = []
            self.position = -1

        def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
            self.received += batch.tolist()
            if self.global_step == self.changed_at:
                self.position = self.source.change_on_all_ranks(NEW_SHARES)
            return self.parameter * batch.sum()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.01)

    def fit(world: int, resumed: bool) -> tuple[int, list[int]]:
        source = mixture()
        sampler = DistributedWeightedSampler(source, DRAWS, seed=0)
        loader = DataLoader(Items(), STEP_DRAWS // world, sampler=sampler)
        every_step = lightning.callbacks.ModelCheckpoint(
            tmp_path, "{step}", save_top_k=-1, every_n_train_steps=1, save_on_train_epoch_end=False
        )
        trainer = lightning.Trainer(
            max_epochs=3,
            callbacks=[ResumeSampler()] if resumed else [ResumeSampler(), every_step],
            accelerator="cpu",
            devices=world,
            logger=False,
            enable_checkpointing=not resumed,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        model = Records(source, None if resumed else CHANGED_AT)
        where: Any = {"ckpt_path": tmp_path / f"step={SAVED_AT}.ckpt", "weights_only": True} if resumed else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on workers
            trainer.fit(model, loader, **where)
        return model.position, model.received

    answers = on_gloo_ranks(2, lambda: fit(2, resumed=False))
    three = on_gloo_ranks(3, lambda: fit(3, resumed=True)[1])
    check(answers, {3: three, 1: [fit(1, resumed=True)[1]]})


@pytest.mark.parametrize("workers", [0, 2])
def test_accelerate_goes_on_with_changed_shares_on_other_numbers_of_ranks(tmp_path: Path, workers: int) -> None:
    accelerate = require("accelerate")
    from pysampler.integrations.accelerate import ResumableLoader

    def prepared(world: int) -> tuple[Any, Mixture, Any]:
        # A fork inherits what Accelerate knew of the process that it comes from: that it is alone.
        accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
        accelerate.state.GradientState._reset_state()
        accelerator = accelerate.Accelerator(cpu=True)
        source = mixture()
        batches = WeightedBatchSampler(WeightedRandomSampler(source, DRAWS, seed=0), STEP_DRAWS // world)
        loader = ResumableLoader(accelerator.prepare(DataLoader(Items(), batch_sampler=batches, num_workers=workers)))
        accelerator.register_for_checkpointing(loader)
        return accelerator, source, loader

    def whole() -> tuple[int, Received]:
        accelerator, source, loader = prepared(2)
        received, position, done = [], -1, 0
        for _ in range(3):
            for batch in loader:
                received.append(batch.tolist())
                done += 1
                if done == CHANGED_AT:
                    position = source.change_on_all_ranks(NEW_SHARES)
                if done == SAVED_AT:
                    accelerator.save_state(str(tmp_path))
        return position, received

    def rest(world: int) -> Received:
        accelerator, _, loader = prepared(world)
        accelerator.load_state(str(tmp_path))
        return [batch.tolist() for _ in range(loader.epoch, 3) for batch in loader]

    def dealt(parts: list[Received]) -> list[list[int]]:
        """Accelerate deals whole batches out to ranks: one list, in the order of positions."""
        return [list(chain.from_iterable(chain.from_iterable(step) for step in zip(*parts, strict=True)))]

    answers = on_gloo_ranks(2, whole)
    three, one = on_gloo_ranks(3, lambda: rest(3)), on_gloo_ranks(1, lambda: rest(1))
    position = answers[0][0]
    assert [other for other, _ in answers] == [position] * 2
    check([(position, dealt([received for _, received in answers])[0])], {3: dealt(three), 1: dealt(one)})
