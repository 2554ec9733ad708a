"""A training run for test_ddp.py, under torchrun: logs what the dataset receives, checkpoints, and may be killed.

python -m torch.distributed.run ... ddp_run.py FOLDER NAME KILL_AT_STEP
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed import checkpoint as dcp
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, get_worker_info

from pysampler import BatchedDataset, DistributedWeightedBatchSampler, DistributedWeightedSampler

EPOCHS, DRAWS, GLOBAL_BATCH, CHECKPOINT_EVERY = 2, 120, 12, 3
ITEMS = 50


class Points(Dataset[Any]):
    """Deterministic inputs, with the index itself."""

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        assert get_worker_info() is not None
        point = torch.linspace(-1, 1, 8) * (index + 1) / ITEMS
        return point, point.sin().sum(), index


def loader(batches: bool, world: int) -> tuple[Any, DataLoader[Any]]:
    weights = torch.arange(1.0, ITEMS + 1)
    size = GLOBAL_BATCH // world
    if batches:
        sampler: Any = DistributedWeightedBatchSampler(weights, DRAWS, batch_size=size, seed=3)
        return sampler, DataLoader(BatchedDataset(Points()), batch_size=None, sampler=sampler, num_workers=1)
    sampler = DistributedWeightedSampler(weights, DRAWS, seed=3)
    return sampler, DataLoader(Points(), size, sampler=sampler, num_workers=1, prefetch_factor=4)


def main(folder: Path, name: str, kill_at: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    sampler, loading = loader(name == "batches", world)
    sampler.check_same_on_all_ranks()
    torch.manual_seed(0)
    model = DistributedDataParallel(torch.nn.Linear(8, 1).double())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    step = 0
    saved = folder / "checkpoint"
    if saved.exists():
        # The sampler's state is one value on all ranks, so distributed checkpoints need no special case for it.
        state: dict[str, Any] = {"model": model.module.state_dict(), "sampler": sampler.state_dict(), "step": 0}
        dcp.load(state, checkpoint_id=str(saved))
        model.module.load_state_dict(state["model"])
        sampler.load_state_dict(state["sampler"])
        step = state["step"]
    log = (folder / f"rank{rank}.jsonl").open("a")
    per_epoch = DRAWS // GLOBAL_BATCH
    for epoch in range(step // per_epoch, EPOCHS):
        sampler.set_epoch(epoch)
        for points, targets, indices in loading:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(points.double()).squeeze(1), targets.double())
            loss.backward()
            optimizer.step()
            mean = loss.detach().clone()
            dist.all_reduce(mean)
            step += 1
            log.write(json.dumps({"step": step, "indices": indices.tolist(), "loss": mean.item() / world}) + "\n")
            log.flush()
            if step % CHECKPOINT_EVERY == 0:
                consumed = (step - epoch * per_epoch) * (GLOBAL_BATCH // world)
                state = {
                    "model": model.module.state_dict(),
                    "sampler": sampler.state_dict(consumed=consumed),
                    "step": step,
                }
                dcp.save(state, checkpoint_id=str(folder / "next"))
                if rank == 0:
                    (folder / "next").rename(folder / f"step{step}")
                    saved.unlink(missing_ok=True)
                    saved.symlink_to(f"step{step}")
                dist.barrier()
            if step == kill_at and rank == world - 1:
                os.kill(os.getpid(), signal.SIGKILL)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
