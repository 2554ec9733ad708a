"""The article's data: a frequent and a rare class that look alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from oxford_pets.image_files import load_images
from pysampler.demo.data import Problem, deal
from pysampler.labels.image_folder import list_images

FREQUENT, RARE = 160, 10


@dataclass(frozen=True)
class Cats:
    """All images of the two classes.

    Attributes:
        names: Of the frequent and the rare class.
        images: float32 of shape (n, channels, size, size) for each.
    """

    names: tuple[str, str]
    images: tuple[Tensor, Tensor]

    def problem(self, seed: int, rare: int = RARE) -> Problem:
        """Deals 160 images of the frequent and ``rare`` of the rare class for training, the rest for validation."""
        name = f"{self.names[0]} or {self.names[1]}"
        return deal(name, self.images, self.names, (FREQUENT, rare), seed=seed, rare_class=1)

    def labels(self, rare: int = RARE) -> Tensor:
        """Returns the training labels alone, int64 of shape (160 + rare,): 0 frequent, 1 rare.

        Raises:
            ValueError: There are not as many images.
        """
        for name, own, count in zip(self.names, self.images, (FREQUENT, rare), strict=True):
            if len(own) < count:
                raise ValueError(f"{name!r} must have at least {count} images, but it has {len(own)}")
        return torch.tensor([0] * FREQUENT + [1] * rare)


def load_cats(folder: Path, frequent: str, rare: str) -> Cats:
    """Reads the images of two classes from a folder laid out like Oxford Pets, or with a sub-folder per class.

    Raises:
        ValueError: No such class, or no images.
        OSError: The folder or an image cannot be read.
        ImportError: Pillow is missing.
    """
    files = list_images(folder)
    paths: dict[str, list[Path]] = {frequent: [], rare: []}
    for path, label in zip(files.paths, files.labels, strict=True):
        if label in paths:
            paths[label].append(path)
    for name, own in paths.items():
        if not own:
            known = ", ".join(sorted(set(files.labels))[:40])
            raise ValueError(f"{folder} has no images of the class {name!r}; its classes are {known}")
    images = load_images([*paths[frequent], *paths[rare]])
    border = len(paths[frequent])
    return Cats((frequent, rare), (images[:border], images[border:]))
