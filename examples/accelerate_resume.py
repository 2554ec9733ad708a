"""Accelerate: a weighted batch sampler, stopped in mid-epoch and resumed, exactly.

Run it: python examples/accelerate_resume.py
or, on two processes: torchrun --nproc_per_node 2 examples/accelerate_resume.py
"""

import tempfile

import accelerate
import torch
from torch.utils.data import DataLoader, TensorDataset

from pysampler import WeightedBatchSampler, WeightedRandomSampler, sample_weights
from pysampler.integrations.accelerate import ResumableLoader

labels = torch.tensor([0] * 160 + [1] * 10)
points = torch.randn(170, 2) + labels[:, None]
dataset = TensorDataset(torch.arange(170), points, labels)


def train(folder: str, resume: bool) -> list[int]:
    """Trains two epochs, saving at step 7 of epoch 1; returns the indices of what this process trained on."""
    accelerator = accelerate.Accelerator(cpu=True)
    sampler = WeightedRandomSampler(sample_weights(labels), seed=0)  # Accelerate shares out the batches itself
    model = torch.nn.Linear(2, 2)
    model, optimizer, loader = accelerator.prepare(
        model,
        torch.optim.SGD(model.parameters(), 0.1),
        DataLoader(dataset, batch_sampler=WeightedBatchSampler(sampler, 5), num_workers=2),
    )
    loader = ResumableLoader(loader)
    accelerator.register_for_checkpointing(loader)
    if resume:
        accelerator.load_state(folder)
    seen: list[int] = []
    for epoch in range(loader.epoch, 2):
        for step, (indices, inputs, targets) in enumerate(loader, 1):
            accelerator.backward(torch.nn.functional.cross_entropy(model(inputs), targets))
            optimizer.step()
            optimizer.zero_grad()
            seen += indices.tolist()
            if not resume and (epoch, step) == (1, 7):
                accelerator.save_state(folder)
    return seen


accelerate.PartialState(cpu=True)
folder = accelerate.utils.broadcast_object_list([tempfile.mkdtemp()])[0]
whole, resumed = train(folder, resume=False), train(folder, resume=True)
assert resumed == whole[-len(resumed) :]
print(f"{len(whole)} draws; the resumed run went on with {resumed[:5]}, as the whole one had")
