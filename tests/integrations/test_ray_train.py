"""Ray Train itself with two workers: what the loaders that it prepares deliver."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from families import hashed_integers
from optional import require
from oracle import flat
from torch.utils.data import DataLoader, Dataset

from pysampler import (
    AliasTable,
    BatchedDataset,
    DistributedWeightedBatchSampler,
    DistributedWeightedSampler,
    WeightedBatchSampler,
    WeightedRandomSampler,
)
from pysampler.integrations import sampler_of

ray = require("ray")
require("ray.train.torch")

ITEMS, DRAWS, WORLD, BATCH = 60, 80, 2, 5


class Items(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index

    def __len__(self) -> int:
        return ITEMS


def collate(items: Any) -> torch.Tensor:
    """Takes a single item as well: torch's default_collate refuses some of those that Ray would then load."""
    return torch.as_tensor(items).flatten()


def loaders(weights: torch.Tensor) -> dict[str, Any]:
    """What users pass to Ray, and by which names the tests know it."""
    table = AliasTable(weights)
    batches = DistributedWeightedBatchSampler(table, DRAWS, batch_size=BATCH)
    rank_free = WeightedRandomSampler(table, DRAWS, seed=0)
    passed: dict[str, dict[str, Any]] = {
        "naive": {"batch_size": BATCH, "sampler": torch.utils.data.WeightedRandomSampler(weights, DRAWS)},
        "rank-free": {"batch_size": BATCH, "sampler": rank_free},
        "batch_sampler": {"batch_sampler": WeightedBatchSampler(rank_free, BATCH)},
        "indices": {"batch_size": BATCH, "sampler": DistributedWeightedSampler(table, DRAWS)},
    }
    return {
        **{name: DataLoader(Items(), collate_fn=collate, **arguments) for name, arguments in passed.items()},
        "batches": DataLoader(BatchedDataset(Items(), collate), sampler=batches, batch_size=None),
    }


def train(config: dict[str, Any]) -> None:
    """Runs in every worker: writes what each loader delivers in two epochs."""
    import ray.train
    import ray.train.torch

    delivered: dict[str, Any] = {}
    for name, loader in loaders(torch.tensor(config["weights"])).items():
        prepared = ray.train.torch.prepare_data_loader(loader)
        delivered[name] = [[batch.tolist() for batch in prepared] for _ in range(2)]
        try:
            sampler_of(prepared)
        except TypeError as error:
            delivered[name + " error"] = str(error)
    path = Path(config["folder"]) / f"{ray.train.get_context().get_world_rank()}.json"
    path.write_text(json.dumps(delivered))


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    import ray.train.torch

    folder = tmp_path_factory.mktemp("ray")
    weights = torch.from_numpy(hashed_integers(ITEMS) + 1.0)
    weights[: ITEMS // 2] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # the workers are other processes
        ray.init(num_cpus=WORLD, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        ray.train.torch.TorchTrainer(
            train,
            train_loop_config={"weights": weights.tolist(), "folder": str(folder)},
            torch_config=ray.train.torch.TorchConfig(backend="gloo"),
            scaling_config=ray.train.ScalingConfig(num_workers=WORLD, use_gpu=False),
            run_config=ray.train.RunConfig(storage_path=str(folder)),
        ).fit()
    finally:
        ray.shutdown()
    table = AliasTable(weights)
    results = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(WORLD)]
    for rank, result in enumerate(results):
        result["expected"] = [
            table.draw(DRAWS // WORLD, seed=0, epoch=epoch, start=rank, step=WORLD).tolist() for epoch in range(2)
        ]
    return results


@pytest.mark.parametrize("name", ["naive", "rank-free", "batch_sampler"])
def test_trap_any_other_sampler_becomes_a_uniform_one(delivered: list[dict[str, Any]], name: str) -> None:
    drawn = flat(flat(rank[name][0]) for rank in delivered)
    assert sorted(drawn) == list(range(ITEMS))  # each item once, those of weight 0 too
    for rank in delivered:
        assert rank[name][0] == rank[name][1]  # and every epoch the same
        assert "draws from DistributedSampler, not from a sampler of pysampler" in rank[name + " error"]


@pytest.mark.parametrize("name", ["indices", "batches"])
def test_ours_are_left_alone_and_share_the_global_stream(delivered: list[dict[str, Any]], name: str) -> None:
    for rank in delivered:
        assert [flat(epoch) for epoch in rank[name]] == rank["expected"]
        assert {len(batch) for epoch in rank[name] for batch in epoch} == {BATCH}
        assert name + " error" not in rank
