"""Real images, made imbalanced: the two problems of the demo.

Both come from scikit-learn's bundled digits: 1797 handwritten digits of 8 x 8 pixels (the test
part of the UCI "Optical Recognition of Handwritten Digits"). Training images are taken away until
the classes are imbalanced; the validation set is balanced and shares no image with them.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        train_images: float32, shape (train, channels, size, size), values in [0, 1]; the digits have 1 channel and
            size 8.
        train_labels: int64, shape (train,), values in [0, classes).
        validation_images: float32, shape (validation, channels, size, size).
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
    name = f"{FREQUENT_DIGIT} or {RARE_DIGIT}"
    return deal(name, _images_of(digits), _names_of(digits), TWO_CLASS_COUNTS, seed=seed, rare_class=1)


def long_tail(seed: int) -> Problem:
    """All ten digits; from 0 to 9 the counts fall exponentially, from 100 training images to 5.

    Args:
        seed: Chooses which images are for training and which for validation.
    """
    digits = tuple(range(10))
    counts = [round(LONG_TAIL_MOST * LONG_TAIL_RATIO ** (-digit / 9)) for digit in digits]
    return deal("ten digits", _images_of(digits), _names_of(digits), counts, seed=seed, rare_class=None)


def deal(
    name: str,
    class_images: Sequence[Tensor],
    class_names: Sequence[str],
    train_counts: Sequence[int],
    *,
    seed: int,
    rare_class: int | None,
) -> Problem:
    """Deals the images of each class into training and validation, by a permutation of this seed.

    Args:
        name: What is told apart, in a few words.
        class_images: The images of each class, frequent classes first.
        class_names: A name per class.
        train_counts: How many of each class to train on. As many of each class as the class with the fewest left over
            can give are for validation.
        seed: Of the permutation.
        rare_class: See ``Problem``.

    Raises:
        ValueError: A class has too few images to leave one for validation.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = []
    for class_name, own, count in zip(class_names, class_images, train_counts, strict=True):
        if len(own) <= count:
            raise ValueError(f"{class_name!r} must have more than {count} images, but it has {len(own)}")
        shuffled.append(own[torch.randperm(len(own), generator=generator)])
    each = min(len(own) - count for own, count in zip(shuffled, train_counts, strict=True))
    train = [own[:count] for own, count in zip(shuffled, train_counts, strict=True)]
    validation = [own[count : count + each] for own, count in zip(shuffled, train_counts, strict=True)]
    classes = torch.arange(len(class_images))
    return Problem(
        name=name,
        class_names=tuple(class_names),
        train_images=torch.cat(train),
        train_labels=classes.repeat_interleave(torch.tensor(train_counts)),
        validation_images=torch.cat(validation),
        validation_labels=classes.repeat_interleave(each),
        rare_class=rare_class,
    )


def _images_of(digits: Sequence[int]) -> list[Tensor]:
    images, labels = all_digits()
    return [images[labels == digit] for digit in digits]


def _names_of(digits: Sequence[int]) -> list[str]:
    return [f"digit {digit}" for digit in digits]


@cache
def all_digits() -> tuple[Tensor, Tensor]:
    """Reads the 1797 images, float32 (1797, 1, 8, 8) in [0, 1], and their digits, int64; nothing is downloaded."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - optional, and slow to import

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    return images, torch.tensor(digits.target, dtype=torch.int64)
