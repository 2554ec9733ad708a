"""Training one network, with a record of every batch that the loader delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from pysampler import WeightedRandomSampler
from pysampler.demo.augmentation import augment
from pysampler.demo.data import Problem
from pysampler.demo.metrics import Scores, score
from pysampler.demo.model import build_network


@dataclass(frozen=True)
class Setting:
    """One row of the table: what is switched on."""

    oversampling: bool
    augmentation: bool


SETTINGS = tuple(Setting(over, augmented) for over in (False, True) for augmented in (False, True))


@dataclass(frozen=True)
class Recipe:
    """How to train: AdamW, learning rate falling to 0 along a half cosine."""

    epochs: int = 20
    batch_size: int = 10
    learning_rate: float = 2e-3


@dataclass(frozen=True)
class Run:
    """What happened in one training.

    Attributes:
        setting: What was switched on.
        scores: Validation scores after each epoch.
        epochs: For each epoch the batches delivered, each an int64 tensor of image indices.
    """

    setting: Setting
    scores: tuple[Scores, ...]
    epochs: tuple[tuple[Tensor, ...], ...]

    @property
    def best_epoch(self) -> int:
        """The epoch (from 1) of the highest validation F1, the earliest of equals."""
        return 1 + max(range(len(self.scores)), key=lambda epoch: self.scores[epoch].f1)

    @property
    def best(self) -> Scores:
        """The scores after the best epoch."""
        return self.scores[self.best_epoch - 1]


def make_loader(problem: Problem, *, oversampling: bool, batch_size: int, seed: int) -> DataLoader[tuple[Tensor, ...]]:
    """Makes a loader of (images, labels, indices): shuffled, or drawing rare classes more often.

    With oversampling each image weighs 1 / (images of its class), so all classes are equally
    likely. An epoch is as many draws as there are images, either way.
    """
    labels = problem.train_labels
    dataset = TensorDataset(problem.train_images, labels, torch.arange(len(labels)))
    generator = torch.Generator().manual_seed(seed)
    if not oversampling:
        return DataLoader(dataset, batch_size, shuffle=True, generator=generator)
    weights = 1.0 / problem.class_counts[labels]
    sampler = WeightedRandomSampler(weights, num_samples=len(labels), seed=seed)
    return DataLoader(dataset, batch_size, sampler=sampler, generator=generator)


def train(
    problem: Problem,
    setting: Setting,
    recipe: Recipe,
    seed: int,
    after_epoch: Callable[[], object] = lambda: None,
) -> Run:
    """Trains a new network on the problem and scores it after every epoch.

    Args:
        problem: The images.
        setting: Oversampling and augmentation, on or off.
        recipe: Epochs, batch size, learning rate.
        seed: Fixes the initial parameters, the draws and the augmentation: same seed, same run.
        after_epoch: Called after each epoch, for progress.

    Returns:
        The scores and the recorded batches.
    """
    loader = make_loader(problem, oversampling=setting.oversampling, batch_size=recipe.batch_size, seed=seed)
    _, channels, size, _ = problem.train_images.shape
    network = build_network(problem.num_classes, seed, channels=channels, size=size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    movements = torch.Generator().manual_seed(seed)
    scores, epochs = [], []
    for epoch in range(recipe.epochs):
        if isinstance(loader.sampler, WeightedRandomSampler):
            loader.sampler.set_epoch(epoch)
        batches = []
        for images, labels, indices in loader:
            shown = augment(images, movements) if setting.augmentation else images
            optimizer.zero_grad()
            loss = functional.cross_entropy(network(shown), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            batches.append(indices)
        schedule.step()
        epochs.append(tuple(batches))
        scores.append(validate(network, problem))
        after_epoch()
    return Run(setting, tuple(scores), tuple(epochs))


def validate(network: nn.Module, problem: Problem) -> Scores:
    """Scores a network on the problem's validation set."""
    with torch.inference_mode():
        predicted = network(problem.validation_images).argmax(dim=1)
    return score(predicted, problem.validation_labels, problem.num_classes, problem.rare_class)
