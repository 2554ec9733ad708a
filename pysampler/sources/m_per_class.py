"""Batches of m items of each of several classes."""

from __future__ import annotations

from typing import Any

import torch

from pysampler import _core
from pysampler.inputs.numbers import positive_count
from pysampler.sources.class_members import MAX_PER_CLASS, ClassMembers
from pysampler.sources.class_rounds import ClassRounds

_MAX_DRAWS = 2**60


class MPerClassBatches(ClassRounds):
    """Batches of m items of each of ``batch_size / m`` classes, for losses that compare items.

    The arguments are those of ``MPerClassSampler`` in pytorch-metric-learning, and so is the order: the m items of a
    class follow one another. Unlike there, classes and items take turns. Classes come in random order, each once before
    any comes again (the order is a new one whenever all have come at the end of a batch). Of a class of n items, all
    have come after ceil(n / m) batches that have the class. A batch has no class twice, and no item twice unless a
    class has fewer than m.

    Args:
        labels: Whatever ``read_labels`` reads, or what it returned. Classes without items are left out.
        m: Items per class, in [1, 2^32).
        batch_size: A multiple of m, at most m times the number of classes; by default all classes are in every batch.
            Counts the items on all ranks together.
        length_before_new_iter: Positions per epoch, rounded down to whole batches; at least one batch.

    Attributes:
        num_samples: Positions per epoch.
        batch_size: The batch size meant, for the loader.

    Cost: as for ``UnderSampling``.

    Raises:
        ValueError: See ``read_labels``; numbers out of range; a batch_size that is no multiple of m, larger than
            m times the number of classes or than ``length_before_new_iter``.
        TypeError: See ``read_labels``.

    Example:
        >>> batches = MPerClassBatches([0, 0, 0, 1, 1, 1, 2, 2], m=2, batch_size=4)
        >>> batches.num_samples
        100000
    """

    kind = "m-per-class"
    batch_in_parts = False  # losses that compare items see one batch at a time

    def __init__(
        self, labels: Any, m: int, batch_size: int | None = None, length_before_new_iter: int = 100000
    ) -> None:
        self._begin(ClassMembers(labels), m, batch_size, length_before_new_iter)

    def _begin(self, members: ClassMembers, m: int, batch_size: int | None, length: int) -> None:
        self._members = members
        self.m = positive_count(m, "m", MAX_PER_CLASS)
        filled = int((members.counts > 0).sum())
        if filled == 0:
            raise ValueError("there must be a class that has items, but none has")
        wanted = positive_count(length, "length_before_new_iter", _MAX_DRAWS)
        if batch_size is None:
            self.batch_size = filled * self.m
        else:
            self.batch_size = positive_count(batch_size, "batch_size")
            _check_batch(self.batch_size, self.m, filled, wanted)
        batches = max(1, wanted // self.batch_size)
        self.num_samples = batches * self.batch_size
        self._compiled = _core.MPerClassBatches(members.core, self.m, self.batch_size // self.m, batches)

    def __repr__(self) -> str:
        return f"MPerClassBatches({self.m} of each of {self.batch_size // self.m} classes, {len(self)} items)"

    @property
    def batch_draws(self) -> int:
        """``batch_size``: what follows one another belongs together."""
        return self.batch_size

    def probabilities(self) -> torch.Tensor:
        """Returns each item's share of all positions in the long run, a float64 tensor of shape (N,), sum 1. O(N)."""
        filled = self._members.counts > 0
        return self._members.spread(filled / filled.sum())

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._members, self.m, self.batch_size, self.num_samples)


def _restored(members: ClassMembers, m: int, batch_size: int, length: int) -> MPerClassBatches:
    rounds = MPerClassBatches.__new__(MPerClassBatches)
    rounds._begin(members, m, batch_size, length)
    return rounds


def _check_batch(batch_size: int, m: int, filled: int, length: int) -> None:
    if batch_size % m:
        raise ValueError(f"batch_size must be a multiple of m, but got batch_size={batch_size} and m={m}")
    if batch_size > m * filled:
        raise ValueError(
            f"batch_size must be at most m times the number of classes that have items, {m} * {filled} = {m * filled}, "
            f"but got batch_size={batch_size}"
        )
    if batch_size > length:
        raise ValueError(
            f"length_before_new_iter must be at least batch_size={batch_size}, but got length_before_new_iter={length}"
        )
