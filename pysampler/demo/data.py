"""Real images, made imbalanced: the two problems of the demo.

Both come from scikit-learn's bundled digits: 1797 handwritten digits of 8 x 8 pixels (the test
part of the UCI "Optical Recognition of Handwritten Digits"). Training images are taken away until
the classes are imbalanced; the validation set is balanced and shares no image with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

FREQUENT_DIGIT, RARE_DIGIT = 3, 8  # they look alike: an 8 is a closed 3
TWO_CLASS_COUNTS = (140, 10)
LONG_TAIL_MOST, LONG_TAIL_RATIO = 100, 20


@dataclass(frozen=True)
class Problem:
    """A classification problem with an imbalanced training set and a balanced validation set.

    Attributes:
        name: What is told apart, in a few words.
        class_names: A name per class, frequent classes first.
        train_images: float32, shape (train, 1, 8, 8), values in [0, 1].
        train_labels: int64, shape (train,), values in [0, classes).
        validation_images: float32, shape (validation, 1, 8, 8).
        validation_labels: int64, shape (validation,).
        rare_class: The class that F1 and recall are about; None for their mean over all classes.
    """

    name: str
    class_names: tuple[str, ...]
    train_images: Tensor
    train_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor
    rare_class: int | None

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def class_counts(self) -> Tensor:
        """Number of training images of each class, int64, shape (classes,)."""
        return torch.bincount(self.train_labels, minlength=self.num_classes)


def two_classes(seed: int) -> Problem:
    """One frequent and one rare class that look alike: 140 threes and 10 eights.

    Args:
        seed: Chooses which images are for training and which for validation.
    """
    digits = (FREQUENT_DIGIT, RARE_DIGIT)
    return _split(f"{FREQUENT_DIGIT} or {RARE_DIGIT}", digits, TWO_CLASS_COUNTS, seed=seed, rare_class=1)


def long_tail(seed: int) -> Problem:
    """All ten digits; from 0 to 9 the counts fall exponentially, from 100 training images to 5.

    Args:
        seed: Chooses which images are for training and which for validation.
    """
    counts = [round(LONG_TAIL_MOST * LONG_TAIL_RATIO ** (-digit / 9)) for digit in range(10)]
    return _split("ten digits", tuple(range(10)), counts, seed=seed, rare_class=None)


def _split(
    name: str,
    digits: tuple[int, ...],
    train_counts: tuple[int, ...] | list[int],
    *,
    seed: int,
    rare_class: int | None,
) -> Problem:
    """Deals the images of each digit into training and validation by a permutation of this seed."""
    images, labels = _all_digits()
    generator = torch.Generator().manual_seed(seed)
    shuffled = []
    for digit in digits:
        own = torch.nonzero(labels == digit).flatten()
        shuffled.append(own[torch.randperm(len(own), generator=generator)])
    # As many validation images of each class as the class with the fewest left over can give.
    each = min(len(own) - count for own, count in zip(shuffled, train_counts, strict=True))
    train = [own[:count] for own, count in zip(shuffled, train_counts, strict=True)]
    validation = [own[count : count + each] for own, count in zip(shuffled, train_counts, strict=True)]
    classes = torch.arange(len(digits))
    return Problem(
        name=name,
        class_names=tuple(f"digit {digit}" for digit in digits),
        train_images=images[torch.cat(train)],
        train_labels=classes.repeat_interleave(torch.tensor(train_counts)),
        validation_images=images[torch.cat(validation)],
        validation_labels=classes.repeat_interleave(each),
        rare_class=rare_class,
    )


@cache
def _all_digits() -> tuple[Tensor, Tensor]:
    """Reads the 1797 images, scaled to [0, 1], and their digits; nothing is downloaded."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - optional, and slow to import

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    return images, torch.tensor(digits.target, dtype=torch.int64)
