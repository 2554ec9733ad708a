"""Epochs that go through the items of classes in rounds: rotating under-sampling, and batches of m per class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from pysampler import _core
from pysampler.inputs.numbers import positive_count, whole_number
from pysampler.inputs.output import cpu_output
from pysampler.keys import stream_range
from pysampler.labels.schemes import in_class_order
from pysampler.labels.values import IntArray
from pysampler.sources.class_members import ClassMembers

MAX_PER_CLASS = 2**32 - 1
_MAX_DRAWS = 2**60


class _Rounds:
    """What both kinds of rounds have in common: an epoch of fixed length, addressable by position."""

    _compiled: _core.UnderSampling | _core.MPerClassBatches
    _members: ClassMembers
    num_samples: int

    def __len__(self) -> int:
        return len(self._members)

    @property
    def classes(self) -> tuple[Any, ...]:
        """What each class is called, C entries in the order of the indices."""
        return self._members.classes

    def draw(
        self, n: int, *, seed: int, epoch: int = 0, start: int = 0, step: int = 1, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Returns what the epoch shows at the positions ``start, start + step, ...`` of its order.

        Each is a pure function of (labels, arguments, seed, epoch, position). Positions from ``num_samples`` on are
        what fills up the last of several ranks' shares.

        Args:
            n: How many, >= 0.
            seed: In [-2^63, 2^64), taken modulo 2^64.
            epoch: In [0, 2^48).
            start: First position, >= 0.
            step: Distance of positions, >= 1: rank r of w takes start=r, step=w.
            out: A contiguous int64 CPU tensor of n entries to write to.

        Returns:
            int64 tensor of shape (n,) on the CPU.

        Cost: some 60 to 200 ns per position and thread, up to 1 us for thousands of small classes. Interruptible by
        Ctrl-C.

        Raises:
            ValueError: An argument out of range, or a position beyond 2^63 - 1.
            TypeError: An argument of the wrong type.
        """
        wanted = stream_range(n, seed, epoch, start, step)
        result = cpu_output(out, wanted.draws)
        if wanted.draws > 0:
            self._compiled.draw_into(result.data_ptr(), *wanted, torch.get_num_threads())
        return result

    @property
    def fingerprint(self) -> str:
        """128 bits in hex that tell apart what shows other items. O(N) the first time."""
        return _core.combined_fingerprint(self._members.fingerprint, self._compiled.fingerprint())

    def _pass_draws(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """What the samplers read: the epoch's draws by position. ValueError if ``draws`` is not the epoch's length."""
        if draws != self.num_samples:
            raise ValueError(f"an epoch has num_samples={self.num_samples} positions here, but got {draws}")
        return self._compiled.pass_draws(key, epoch)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self  # nothing can change it


class UnderSampling(_Rounds):
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
        return _undersampling, (self._members, self._quotas)


class MPerClassBatches(_Rounds):
    """Batches of m items of each of ``batch_size / m`` classes, for losses that compare items.

    The arguments are those of ``MPerClassSampler`` in pytorch-metric-learning, and so is the order: the m items of a
    class follow one another. Better than there, nothing is left to chance: every class is dealt before any is dealt
    again (classes form a deck, re-shuffled when a batch ends where it does), and m at a time every ceil(n / m) batches
    that have a class show all its n items. A batch has no class twice, and no item twice unless a class has fewer than
    m.

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

    def probabilities(self) -> torch.Tensor:
        """Returns each item's share of all positions in the long run, a float64 tensor of shape (N,), sum 1. O(N)."""
        filled = self._members.counts > 0
        return self._members.spread(filled / filled.sum())

    def __reduce__(self) -> tuple[Any, ...]:
        return _batches, (self._members, self.m, self.batch_size, self.num_samples)


def _undersampling(members: ClassMembers, quotas: IntArray) -> UnderSampling:
    rounds = UnderSampling.__new__(UnderSampling)
    rounds._members = members
    rounds._quotas = quotas
    rounds._compiled = _core.UnderSampling(members.core, quotas.tolist())
    rounds.num_samples = int(quotas.sum())
    return rounds


def _batches(members: ClassMembers, m: int, batch_size: int, length: int) -> MPerClassBatches:
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


def _quotas(members: ClassMembers, per_class: Any) -> IntArray:
    """Returns how many items of each class an epoch shows, int64 of shape (C,)."""
    classes, counts = members.classes, members.counts
    filled = counts > 0
    if not filled.any():
        raise ValueError("there must be a class that has items, but none has")
    if per_class is None:
        return np.where(filled, counts[filled].min(), 0)
    if isinstance(per_class, Mapping):
        for name, number in per_class.items():
            whole_number(number, f"per_class[{name!r}]", 0, MAX_PER_CLASS)
        quotas = in_class_order(classes, counts, per_class, "per_class").astype(np.int64)
    elif np.ndim(per_class) == 0:
        return np.where(filled, whole_number(per_class, "per_class", 1, MAX_PER_CLASS), 0)
    else:
        numbers = list(per_class)
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
