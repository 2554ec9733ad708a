"""Scores of a classifier on a validation set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """F1, accuracy and recall, each in [0, 1]."""

    f1: float
    accuracy: float
    recall: float


def score(predicted: Tensor, actual: Tensor, num_classes: int, rare_class: int | None) -> Scores:
    """Compares predictions with the truth.

    Args:
        predicted: Predicted classes, int64, shape (images,).
        actual: True classes, int64, shape (images,); every class occurs.
        num_classes: Number of classes.
        rare_class: The class that F1 and recall are about; None for their mean over all classes.

    Returns:
        The scores; F1 of a class that is never predicted is 0.
    """
    pairs = torch.bincount(actual * num_classes + predicted, minlength=num_classes**2)
    confusion = pairs.view(num_classes, num_classes).double()  # row: true class, column: predicted
    right, of_class, as_class = confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)
    recall = right / of_class
    f1 = 2 * right / (of_class + as_class)
    chosen = slice(None) if rare_class is None else slice(rare_class, rare_class + 1)
    return Scores(
        f1=f1[chosen].mean().item(),
        accuracy=(right.sum() / of_class.sum()).item(),
        recall=recall[chosen].mean().item(),
    )
