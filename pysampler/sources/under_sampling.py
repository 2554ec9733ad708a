"""Rotating under-sampling: equally many items of every class, and other ones every epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from pysampler import _core
from pysampler.inputs.listed import by_label, listed
from pysampler.inputs.numbers import whole_number
from pysampler.labels.schemes import in_class_order
from pysampler.labels.values import IntArray
from pysampler.sources.class_members import MAX_PER_CLASS, ClassMembers
from pysampler.sources.class_rounds import ClassRounds


class UnderSampling(ClassRounds):
    """Epochs with equally many items of every class, and other items of the large classes every epoch.

    Nothing is lost for good: epochs 0 to ceil(n / q) - 1 show all n items of a class of which an epoch shows q, and so
    do the next ceil(n / q), in a new order. Within an epoch no item comes twice, unless q > n, where each comes q // n
    times or once more. Where q is no divisor of n, some items come a second time in the last of these epochs: others
    each time. The order within an epoch is random.

    Args:
        labels: Whatever ``read_labels`` reads, or what it returned. An item with several labels is a member of each.
        per_class: How many items of each class an epoch shows: an int, one number per class in the order of the
            classes, or a mapping from each class that has items to its number; in [0, 2^32). By default as many as the
            smallest class has. Classes without items are left out.

    Attributes:
        num_samples: Positions per epoch: the sum over the classes.

    Cost: grouping the items, see ``ClassTable``; 8 bytes per class, and 4 per label unless every class's items follow
    one another. An epoch costs no memory.

    Raises:
        ValueError: See ``read_labels``; numbers out of range, not one per class, none positive, or a positive one for a
            class without items; an unknown or missing class in a mapping.
        TypeError: See ``read_labels``; numbers that are no integers.

    Example:
        >>> epochs = UnderSampling([0] * 6 + [1] * 2)
        >>> [sorted(epochs.draw(4, seed=0, epoch=epoch).tolist())[2:] for epoch in range(2)]
        [[6, 7], [6, 7]]
        >>> sorted(torch.cat([epochs.draw(4, seed=0, epoch=epoch) for epoch in range(3)]).unique().tolist())
        [0, 1, 2, 3, 4, 5, 6, 7]
    """

    kind = "under-sampling"

    def __init__(self, labels: Any, per_class: Any = None) -> None:
        self._members = ClassMembers(labels)
        self._quotas = _quotas(self._members, per_class)
        self._compiled = _core.UnderSampling(self._members.core, self._quotas.tolist())
        self.num_samples = int(self._quotas.sum())

    def __repr__(self) -> str:
        return f"UnderSampling({self.num_samples} of {len(self)} items per epoch, {len(self.classes)} classes)"

    @property
    def epochs_to_show_all(self) -> int:
        """How many epochs from epoch 0 on show every item of every class that is shown at all."""
        shown = self._quotas > 0
        return int((-(-self._members.counts[shown] // self._quotas[shown])).max())

    def probabilities(self) -> torch.Tensor:
        """Returns each item's share of all positions in the long run, a float64 tensor of shape (N,), sum 1. O(N)."""
        return self._members.spread(self._quotas / self.num_samples)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._members, self._quotas)


def _restored(members: ClassMembers, quotas: IntArray) -> UnderSampling:
    rounds = UnderSampling.__new__(UnderSampling)
    rounds._members = members
    rounds._quotas = quotas
    rounds._compiled = _core.UnderSampling(members.core, quotas.tolist())
    rounds.num_samples = int(quotas.sum())
    return rounds


def _is_one(per_class: Any) -> bool:
    """Whether this is, or should be, one number for all classes."""
    listed_by_class = isinstance(per_class, Iterable) and not isinstance(per_class, str | bytes)
    return not listed_by_class or getattr(per_class, "ndim", 1) == 0


def _quotas(members: ClassMembers, per_class: Any) -> IntArray:
    """Returns how many items of each class an epoch shows, int64 of shape (C,)."""
    classes, counts = members.classes, members.counts
    filled = counts > 0
    if not filled.any():
        raise ValueError("there must be a class that has items, but none has")
    if per_class is None:
        return np.where(filled, counts[filled].min(), 0)
    named = by_label(per_class, "per_class")
    if named is not None:
        for name, number in named.items():
            whole_number(number, f"per_class[{name!r}]", 0, MAX_PER_CLASS)
        quotas = in_class_order(classes, counts, named, "per_class").astype(np.int64)
    elif _is_one(per_class):
        return np.where(filled, whole_number(per_class, "per_class", 1, MAX_PER_CLASS), 0)
    else:
        numbers = listed(per_class, "per_class", len(classes), "a number, one for each class, or a dict by name")
        if len(numbers) != len(classes):
            raise ValueError(f"per_class must have one number per class, {len(classes)}, but it has {len(numbers)}")
        checked = [whole_number(n, f"per_class[{i}]", 0, MAX_PER_CLASS) for i, n in enumerate(numbers)]
        quotas = np.array(checked, dtype=np.int64)
    lacking = np.flatnonzero((quotas > 0) & ~filled)
    if len(lacking):
        first = int(lacking[0])
        raise ValueError(f"per_class asks for {quotas[first]} items of class {classes[first]!r}, which has none")
    if not quotas.any():
        raise ValueError("per_class must be positive for some class, but it is zero for all")
    return quotas
