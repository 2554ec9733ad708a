"""Lightning: a weighted sampler, stopped in mid-epoch and resumed with workers, exactly.

Run it: python examples/lightning_resume.py
"""

import tempfile

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

from pysampler import DistributedWeightedSampler, sample_weights
from pysampler.integrations.lightning import ResumeSampler


class Model(lightning.LightningModule):
    """A linear classifier that keeps the indices of what it was trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.seen: list[int] = []

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """Returns the loss."""
        indices, points, labels = batch
        self.seen += indices.tolist()
        return torch.nn.functional.cross_entropy(self.layer(points), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Returns the optimizer."""
        return torch.optim.SGD(self.parameters(), 0.1)


labels = torch.tensor([0] * 160 + [1] * 10)
points = torch.randn(170, 2) + labels[:, None]
dataset = TensorDataset(torch.arange(170), points, labels)
folder = tempfile.mkdtemp()


def train(max_steps: int, checkpoint: str | None = None) -> list[int]:
    """Trains up to a number of steps, 17 in an epoch, and returns the indices of what was trained on."""
    sampler = DistributedWeightedSampler(sample_weights(labels), seed=0)  # on every rank, its own part
    loader = DataLoader(dataset, batch_size=10, sampler=sampler, num_workers=2)
    every_5_steps = ModelCheckpoint(folder, "{step}", every_n_train_steps=5, save_top_k=-1)
    trainer = lightning.Trainer(
        max_steps=max_steps, callbacks=[ResumeSampler(), every_5_steps], accelerator="cpu", devices=1, logger=False
    )
    model = Model()
    trainer.fit(model, loader, ckpt_path=checkpoint)
    return model.seen


whole = train(40)
resumed = train(40, f"{folder}/step=25.ckpt")  # in the middle of epoch 1
assert resumed == whole[250:]
print(f"{len(set(whole))} of 170 items seen; the resumed run went on with {resumed[:5]}, as the whole one had")
