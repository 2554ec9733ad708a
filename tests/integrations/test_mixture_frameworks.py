"""A Mixture in other libraries' hands: loaders over concatenated data, Lightning, Accelerate, torchdata."""

from __future__ import annotations

import itertools
import json
import logging
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from optional import require
from torch.utils.data import ConcatDataset, DataLoader, Dataset

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    Mixture,
    WeightedBatchSampler,
    WeightedRandomSampler,
    audit_coverage,
)

NAMES, SIZES, SHARES = ("web", "code", "books"), (90, 40, 20), (5, 3, 2)
DRAWS, BATCH = 120, 10


class Part(Dataset[tuple[str, int]]):
    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, item: int) -> tuple[str, int]:
        if not 0 <= item < self.size:
            raise IndexError(item)
        return self.name, item


class Whole(ConcatDataset[Any]):
    """Also tells the flat index, to compare."""

    def __getitem__(self, index: int) -> tuple[int, str, int]:
        return (index, *super().__getitem__(index))


def concatenated() -> Whole:
    return Whole([Part(name, size) for name, size in zip(NAMES, SIZES, strict=True)])


def mixture(stages: bool = True) -> Mixture:
    shares: Any = [(0, SHARES), (2 * DRAWS, (1, 1, 1))] if stages else SHARES
    return Mixture(concatenated(), shares, window=20, names=NAMES)


def stream(start: int, stop: int) -> list[int]:
    return mixture().draw(stop - start, seed=0, start=start).tolist()


# ---- ConcatDataset ------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
def test_a_concatenated_datasets_flat_indices_are_the_mixtures(workers: int) -> None:
    sampler = WeightedRandomSampler(mixture(), DRAWS, seed=0)
    loader = DataLoader(concatenated(), BATCH, sampler=sampler, num_workers=workers)
    for epoch in range(3):
        got = [row for batch in loader for row in zip(*batch, strict=True)]
        assert [int(index) for index, _, _ in got] == stream(epoch * DRAWS, (epoch + 1) * DRAWS)
        for index, name, item in got:
            assert mixture().locate(int(index)) == (name, int(item))
        for begin in range(0, DRAWS, 20):  # shares in every window
            found = Counter(name for _, name, _ in got[begin : begin + 20])
            shares = [10, 6, 4] if epoch < 2 else [20 / 3] * 3
            assert all(abs(found[name] - share) < 1 for name, share in zip(NAMES, shares, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("worlds", [(1, 1), (1, 3), (3, 2)])
def test_loaders_go_on_with_another_number_of_ranks(workers: int, worlds: tuple[int, int]) -> None:
    before, after = worlds

    def loader(rank: int, world: int) -> Any:
        sampler = DistributedWeightedBatchSampler(mixture(), DRAWS, world, rank, batch_size=4, seed=0)
        return sampler, DataLoader(BatchedDataset(concatenated()), None, sampler=sampler, num_workers=workers)

    def indices(batches: Any) -> list[int]:
        return [index for batch in batches for index in batch[0].tolist()]

    states = []
    for rank in range(before):
        sampler, loading = loader(rank, before)
        sampler.set_epoch(1)
        batches = iter(loading)
        got = indices(itertools.islice(batches, 3))
        assert got == stream(DRAWS, 2 * DRAWS)[rank : 12 * before : before]
        states.append(json.loads(json.dumps(sampler.state_dict(consumed=12))))
        del batches
    assert all(state == states[0] for state in states)
    begun = 12 * before
    for rank in range(after):
        sampler, loading = loader(rank, after)
        sampler.load_state_dict(states[-1])
        assert indices(loading) == stream(DRAWS + begun, 2 * DRAWS)[rank::after]


def test_a_mixture_of_tables_draws_within_sources_by_weight() -> None:
    """Over a ConcatDataset, a table stands for the part of the same place."""
    weights = torch.arange(40.0)
    mixed = Mixture([90, AliasTable(weights), 20], SHARES, window=20, names=NAMES)
    loader = DataLoader(concatenated(), BATCH, sampler=WeightedRandomSampler(mixed, 4000, seed=1))
    rows = [row for batch in loader for row in zip(*batch, strict=True)]
    found = Counter(name for _, name, _ in rows)
    assert [found[name] for name in NAMES] == [2000, 1200, 800]
    items = Counter(int(item) for _, name, item in rows if name == "code")
    assert items[0] == 0
    assert items[39] > 3 * items[5] > 0


# ---- Hugging Face -------------------------------------------------------------------------------


def hugging_face() -> Any:
    datasets = require("datasets")
    return datasets, [
        datasets.Dataset.from_dict({"source": [name] * size, "item": list(range(size))})
        for name, size in zip(NAMES, SIZES, strict=True)
    ]


def test_hugging_faces_concatenation_is_indexed_by_a_mixture_of_its_parts() -> None:
    datasets, parts = hugging_face()
    mixed = Mixture(parts, SHARES, window=20, names=NAMES)
    whole = datasets.concatenate_datasets(parts)
    drawn = mixed.draw(500, seed=0)
    rows = whole.select(drawn.tolist())
    assert list(zip(rows["source"], rows["item"], strict=True)) == [mixed.locate(int(index)) for index in drawn]
    assert whole[drawn.tolist()]["item"] == rows["item"][:]
    loader = DataLoader(whole, BATCH, sampler=WeightedRandomSampler(mixed, 500, seed=0))
    assert [name for batch in loader for name in batch["source"]] == rows["source"][:]


def test_shares_are_interleave_datasets_but_exact_and_passes_whole() -> None:
    datasets, parts = hugging_face()
    probabilities = [share / 10 for share in SHARES]
    theirs = datasets.interleave_datasets(parts, probabilities, seed=3, stopping_strategy="all_exhausted")
    count = len(theirs)
    mixed = Mixture(parts, probabilities, window=20, names=NAMES)
    ours = [mixed.locate(index)[0] for index in mixed.draw(count, seed=3).tolist()]
    for name, share in zip(NAMES, probabilities, strict=True):
        # Theirs are independent: |z| below 4.9 has probability 1 - 1e-6. Ours are within a window's share.
        assert abs(theirs["source"][:].count(name) - count * share) < 4.9 * (count * share * (1 - share)) ** 0.5
        assert abs(ours.count(name) - count * share) < 4
    # Where they stop: as soon as each source has been exhausted once. Ours tells the length beforehand.
    length = mixed.draws_until("all", seed=3)
    seen = {mixed.locate(index) for index in mixed.draw(length, seed=3).tolist()}
    assert len(seen) == sum(SIZES)
    # Theirs begins every pass of a source in the same order; ours shuffles each.
    order = [item for name, item in zip(theirs["source"], theirs["item"], strict=True) if name == "books"]
    assert order == [number % SIZES[2] for number in range(len(order))]


def test_the_order_of_hugging_faces_rows_is_resumed() -> None:
    datasets, parts = hugging_face()
    whole = datasets.concatenate_datasets(parts)
    stateful = require("torchdata.stateful_dataloader").StatefulDataLoader

    def loader() -> Any:
        mixed = Mixture(parts, SHARES, window=20, names=NAMES)
        return stateful(whole, BATCH, sampler=WeightedRandomSampler(mixed, DRAWS, seed=0), num_workers=2)

    def items(batches: Any) -> list[tuple[str, int]]:
        return [row for batch in batches for row in zip(batch["source"], batch["item"].tolist(), strict=True)]

    uninterrupted = items(loader())
    first = loader()
    head = items(itertools.islice(first, 5))
    again = loader()
    again.load_state_dict(first.state_dict())
    assert head + items(again) == uninterrupted


# ---- Lightning and Accelerate -------------------------------------------------------------------


class Indices(Dataset[int]):
    def __len__(self) -> int:
        return sum(SIZES)

    def __getitem__(self, index: int) -> int:
        return index


@pytest.mark.parametrize("workers", [0, 2])
def test_lightning_goes_on_in_the_middle_of_an_epoch(tmp_path: Path, workers: int) -> None:
    lightning = require("lightning.pytorch")
    from pysampler.integrations.lightning import ResumeSampler

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Records(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parameter = torch.nn.Parameter(torch.zeros(()))
            self.received: list[int] = []

        def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
            self.received += batch.tolist()
            return self.parameter * batch.sum()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.01)

    def fit(resume_at: int | None = None) -> list[int]:
        loader = DataLoader(
            Indices(), BATCH, sampler=DistributedWeightedSampler(mixture(), DRAWS, seed=0), num_workers=workers
        )
        every_step = lightning.callbacks.ModelCheckpoint(
            tmp_path, "{step}", save_top_k=-1, every_n_train_steps=1, save_on_train_epoch_end=False
        )
        trainer = lightning.Trainer(
            max_epochs=3,
            callbacks=[ResumeSampler(), every_step],
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        model = Records()
        path = None if resume_at is None else tmp_path / f"step={resume_at}.ckpt"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on workers
            trainer.fit(model, loader, ckpt_path=path, **({} if path is None else {"weights_only": True}))
        return model.received

    whole = stream(0, 3 * DRAWS)
    assert fit() == whole
    for stop in (5, 12, 17):
        assert fit(stop) == whole[stop * BATCH :]


@pytest.mark.parametrize("workers", [0, 2])
def test_accelerate_goes_on_in_the_middle_of_an_epoch(tmp_path: Path, workers: int) -> None:
    accelerate = require("accelerate")
    from pysampler.integrations.accelerate import ResumableLoader

    def prepared() -> Any:
        accelerator = accelerate.Accelerator(cpu=True)
        batches = WeightedBatchSampler(WeightedRandomSampler(mixture(), DRAWS, seed=0), BATCH)
        loader = ResumableLoader(accelerator.prepare(DataLoader(Indices(), batch_sampler=batches, num_workers=workers)))
        accelerator.register_for_checkpointing(loader)
        return accelerator, loader

    whole = stream(0, 3 * DRAWS)
    accelerator, loader = prepared()
    received: list[int] = []
    for epoch in range(3):
        for step, batch in enumerate(loader, 1):
            received += batch.tolist()
            if (epoch, step) == (1, 7):
                accelerator.save_state(tmp_path / "state")
    assert received == whole
    accelerator, loader = prepared()
    accelerator.load_state(tmp_path / "state")
    assert loader.epoch == 1
    rest = [index for _ in range(loader.epoch, 3) for batch in loader for index in batch.tolist()]
    assert rest == whole[DRAWS + 7 * BATCH :]


# ---- audit --------------------------------------------------------------------------------------


def test_an_audit_of_a_mixture_knows_its_stages() -> None:
    sampler = WeightedRandomSampler(mixture(), DRAWS, seed=0)
    drawn = Counter(stream(0, 3 * DRAWS + 50))
    audit = audit_coverage(sampler, epochs=3, position=50, counts=True)
    assert audit.counts.tolist() == [drawn[index] for index in range(sum(SIZES))]
