"""DistributedDataParallel over weighted draws: stopped in mid-epoch, gone on with on another number of processes.

python examples/ddp_elastic.py                          # the demonstration: 2 processes, stopped; then 3
torchrun --nproc_per_node=4 examples/ddp_elastic.py     # one run, of any number of processes that divides 12
"""

import os
import subprocess
import sys
import tempfile

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

from pysampler import DistributedWeightedSampler, sample_weights

EPOCHS, DRAWS, GLOBAL_BATCH = 2, 480, 12  # the same global batch on any number of processes: the same training


def train(checkpoint: str, last_step: float) -> None:
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    labels = torch.tensor([0] * 160 + [1] * 10)  # 160 Siamese, 10 Birman
    dataset = TensorDataset(torch.randn(170, 4) + labels[:, None], labels)
    sampler = DistributedWeightedSampler(sample_weights(labels), num_samples=DRAWS)
    model = DistributedDataParallel(torch.nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch_size, trained = GLOBAL_BATCH // dist.get_world_size(), 0
    if os.path.exists(checkpoint):
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        sampler.load_state_dict(saved["sampler"])  # goes on with the draw that comes next, on any number of ranks
        trained = saved["sampler"]["position"] // dist.get_world_size()
    for epoch in range(sampler.epoch, EPOCHS):
        sampler.set_epoch(epoch)  # keeps a position loaded for this epoch
        for inputs, targets in DataLoader(dataset, batch_size, sampler=sampler, num_workers=1):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
            trained += batch_size  # on this rank, by training: the workers have fetched more
            if epoch * DRAWS + trained * dist.get_world_size() >= last_step * GLOBAL_BATCH:
                state = {"model": model.state_dict(), "sampler": sampler.state_dict(consumed=trained)}
                if dist.get_rank() == 0:
                    torch.save(state, checkpoint)
                return print(f"rank {dist.get_rank()} stops in epoch {epoch} at draw {state['sampler']['position']}")
        print(f"rank {dist.get_rank()} of {dist.get_world_size()} has finished epoch {epoch}")
        trained = 0


if "RANK" in os.environ:
    train(os.environ.get("CHECKPOINT", "ddp_elastic.pt"), float(os.environ.get("LAST_STEP", "inf")))
    dist.destroy_process_group()
else:
    os.environ["CHECKPOINT"] = os.path.join(tempfile.mkdtemp(), "checkpoint.pt")
    for processes, last_step in ((2, "30"), (3, "inf")):
        launch = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes}", "--standalone"]
        subprocess.run([*launch, __file__], check=True, env={**os.environ, "LAST_STEP": last_step})
