"""Systematic sampling: weighted draws that cover the data as evenly as draws can."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pysampler import _core
from pysampler.inputs.numbers import MAX_COUNT, epoch_number, whole_number
from pysampler.inputs.output import cpu_output
from pysampler.keys import seed_key
from pysampler.labels.read import Labels, read_labels
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.class_table import ClassTable

MAX_DRAWS = 2**54  # of one epoch
MAX_BATCH_SIZE = 2**24


class SystematicTable:
    """A discrete distribution over [0, N) whose draws are spread evenly instead of independently.

    The weights become the integer masses of an ``AliasTable``, laid side by side; M is their sum. The k draws of an
    epoch are the items at k points, M / k apart, and from epoch to epoch the points move on by the golden ratio times
    M / k. Then, with p = mass / M:

    - in every epoch each item comes floor(k p) or ceil(k p) times, and so does each class (with its own p);
    - over e successive epochs its count differs from e k p by less than 1.45 for each Zeckendorf term of e, of which
      there are at most 1 + 1.04 ln e: independent draws stray by sqrt(e k p);
    - each item with a positive weight comes in any ceil(1.8945 / (k p)) successive epochs, whatever the seed.

    This holds for a constant k and one seed, and for runs of up to 2^25 epochs. The order within an epoch is a keyed
    random permutation. Over the seeds every single draw follows p, but the draws of an epoch depend on each other:
    do not use them where independence matters, as in estimating a variance from them.

    With labels and a ``global_batch_size``, each global batch is a small copy of the classes; see ``draw``.

    Args:
        weights: As for ``AliasTable``, or one, whose masses are taken; it is not kept. Or a ``ClassTable``, which is
            kept: its members are shared, and memory is needed for its classes alone, 36 bytes each. Every member of a
            class then has exactly the same mass, as close to what the ClassTable draws with as whole units allow. Of
            items with several labels, the promises hold for each label's part by itself.
        labels: The class of each item: whatever ``read_labels`` reads, one label per item. Needed for such batches.

    Cost: that of an ``AliasTable``, and some ten nanoseconds more per item; 12 bytes per item, with labels 16 unless
    the items are sorted by class. Threads: ``torch.get_num_threads()``.

    Raises:
        ValueError: See ``AliasTable`` and ``read_labels``; labels that are more or fewer than the weights, or not one
            per item.
        TypeError: See ``AliasTable`` and ``read_labels``.

    Example:
        >>> table = SystematicTable([1.0, 2.0, 1.0])
        >>> sorted(table.draw(4, seed=0, draws=4).tolist())
        [0, 1, 1, 2]
    """

    def __init__(self, weights: Any, labels: Any = None) -> None:
        self._source: ClassTable | None = None
        if isinstance(weights, ClassTable):
            if labels is not None:
                raise ValueError("a ClassTable has its labels: leave out labels (strata, of a sampler)")
            self._build_over(weights)
            return
        alias = weights if isinstance(weights, AliasTable) else AliasTable(weights)
        read = None if labels is None else _one_label_each(labels, len(alias))
        self._build(_masses_of(alias), None if read is None else read.codes, None if read is None else read.classes)

    def _build(
        self, masses: npt.NDArray[np.uint64], codes: npt.NDArray[np.int64] | None, classes: tuple[Any, ...] | None
    ) -> None:
        source = None if codes is None else np.ascontiguousarray(codes)
        self._core = _core.MassTable.of_items(
            masses.ctypes.data,
            len(masses),
            0 if source is None else source.ctypes.data,
            1 if classes is None else len(classes),
            torch.get_num_threads(),
        )
        self._classes = classes
        self._fingerprint: str | None = None

    def _build_over(self, source: ClassTable) -> None:
        masses = np.empty(len(source.classes), dtype=np.uint64)
        source._core.classes.masses_into(masses.ctypes.data)
        members = source._members.core
        self._core = _core.MassTable.of_classes(
            masses.ctypes.data,
            members.ranges_address,
            len(masses),
            members.members_address,
            members.places,
            members.items,
            members,
        )
        self._classes, self._source, self._fingerprint = source.classes, source, None

    def __len__(self) -> int:
        return len(self._core)

    def __repr__(self) -> str:
        classes = "" if self._classes is None else f", {len(self._classes)} classes"
        return f"SystematicTable({len(self)} items{classes})"

    def draw(
        self,
        n: int,
        *,
        seed: int,
        epoch: int = 0,
        start: int = 0,
        step: int = 1,
        draws: int | None = None,
        global_batch_size: int | None = None,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Draws the indices at positions ``start, start + step, ...`` of an epoch.

        Each is a pure function of (table, seed, epoch, draws, global_batch_size, position): any threads, processor or
        splitting into calls gives the same.

        With a ``global_batch_size`` B, the positions [b B, (b + 1) B) are global batch b, and the count of each class
        in it differs from B times the class's share by less than 1. If B does not divide ``draws``, by less than
        1 + B / draws; in the last, smaller batch from its own size times the share by less than 2. An item meets other
        items every epoch. The counts of whole epochs are as exact as without batches.

        Args:
            n: How many, >= 0.
            seed: In [-2^63, 2^64), taken modulo 2^64. The promises over epochs are for one seed.
            epoch: In [0, 2^48).
            start: First position, >= 0.
            step: Distance of positions, >= 1: rank r of w takes start=r, step=w.
            draws: How many draws the whole epoch has, in [1, 2^54]; by default N.
            global_batch_size: The global batch size, over all ranks, in [1, draws] and at most 2^24. Needs labels.
            out: A contiguous int64 CPU tensor of n entries to write to.

        Returns:
            int64 tensor of shape (n,) on the CPU.

        Cost: see the README; some 4 to 10 times an AliasTable's draw. With a batch size, 16 bytes and some 20 ns for
        each unit of it per call. Interruptible by Ctrl-C.

        Raises:
            ValueError: An argument out of range, or a position beyond the epoch; a batch size without labels.
            TypeError: An argument of the wrong type.
        """
        count = whole_number(n, "n", 0, MAX_COUNT)
        total = self.check_draws(len(self) if draws is None else draws)
        first = whole_number(start, "start", 0, 2**64 - 1)
        stride = whole_number(step, "step", 1, 2**64 - 1)
        if count > 0 and first + (count - 1) * stride >= total:
            raise ValueError(
                f"positions must lie within the epoch of draws={total}, but start={first} and step={stride} lead to "
                f"{first + (count - 1) * stride} for {count} draws"
            )
        batch = self.check_global_batch_size(global_batch_size, total)
        key, number = seed_key(seed), epoch_number(epoch)
        result = cpu_output(out, count)
        if count > 0:
            passed = _core.SystematicDraws(self._core, key, number, total, batch)
            passed.draw_all(result.data_ptr(), first, stride, count, torch.get_num_threads())
        return result

    def check_draws(self, draws: Any) -> int:
        """Returns the length of an epoch as an int. ValueError or TypeError unless it is one in [1, 2^54]."""
        return whole_number(draws, "draws", 1, MAX_DRAWS)

    def check_global_batch_size(self, global_batch_size: Any, draws: int) -> int:
        """Returns the global batch size for epochs of ``draws`` draws, 0 for none.

        Raises:
            ValueError: Below 1, above ``draws`` or 2^24; no labels to balance batches by.
            TypeError: Not an int.
        """
        if global_batch_size is None:
            return 0
        if self._classes is None:
            raise ValueError(
                f"global_batch_size={global_batch_size} asks for batches that mirror the classes, but there are no "
                "labels to tell them by: give labels= (to a sampler: strata=)"
            )
        size = whole_number(global_batch_size, "global_batch_size", 1, MAX_BATCH_SIZE)
        if size > draws:
            raise ValueError(
                f"global_batch_size must not exceed the epoch's draws, but got global_batch_size={size}, draws={draws}"
            )
        return size

    def _pass_draws(self, key: int, epoch: int, draws: int, global_batch_size: int | None = None) -> _core.PassDraws:
        """One epoch's draws for iterators."""
        total = self.check_draws(draws)
        return _core.SystematicDraws(
            self._core, key, epoch, total, self.check_global_batch_size(global_batch_size, total)
        )

    def with_weights(self, weights: Any) -> SystematicTable:
        """Returns a table of other weights for the same items and classes. See the constructor.

        Raises:
            ValueError: More or fewer weights than items; see ``AliasTable``.
            TypeError: See ``AliasTable``.
        """
        if self._source is not None:
            raise ValueError("this table was made of a ClassTable: make another from source.with_class_weights(...)")
        alias = weights if isinstance(weights, AliasTable) else AliasTable(weights)
        if len(alias) != len(self) and self._classes is not None:
            raise ValueError(f"there must be one weight per label, but there are {len(alias)} for {len(self)} labels")
        return _from_masses(_masses_of(alias), self._codes(), self._classes)

    def probabilities(self) -> torch.Tensor:
        """Returns mass / M for each item, a float64 tensor of shape (N,), sum 1. O(N) on one thread."""
        return torch.from_numpy(_masses_of(self) / float(self._core.total))

    def _codes(self) -> npt.NDArray[np.int64] | None:
        if self._classes is None:
            return None
        codes = np.empty(len(self), dtype=np.int64)
        self._core.labels_into(codes.ctypes.data)
        return codes

    @property
    def classes(self) -> tuple[Any, ...] | None:
        """What the classes are called, in the order of their indices; None without labels."""
        return self._classes

    @property
    def fingerprint(self) -> str:
        """128 bits in hex that tell masses and classes apart. Equal tables have equal ones. O(N) the first time."""
        if self._fingerprint is None:
            self._fingerprint = self._core.fingerprint()
        return self._fingerprint

    @property
    def nbytes(self) -> int:
        """Size of the table in bytes: 12 to 16 per item."""
        return self._core.nbytes

    def __reduce__(self) -> tuple[Any, ...]:
        if self._source is not None:
            return SystematicTable, (self._source,)
        return _from_masses, (_masses_of(self), self._codes(), self._classes)

    def __copy__(self) -> SystematicTable:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SystematicTable:
        return self  # nothing can change it


def _masses_of(table: AliasTable | SystematicTable) -> npt.NDArray[np.uint64]:
    masses = np.empty(len(table), dtype=np.uint64)
    table._core.masses_into(masses.ctypes.data)
    return masses


def _one_label_each(labels: Any, items: int) -> Labels:
    read = read_labels(labels)
    if len(read) != items:
        raise ValueError(f"there must be one label per weight, but there are {len(read)} for {items} weights")
    if read.offsets is not None:
        lengths = np.diff(read.offsets)
        odd = np.flatnonzero(lengths != 1)
        raise ValueError(
            f"each item must have exactly one label here, but item {odd[0]} has {lengths[odd[0]]} "
            f"({len(odd)} of {items} are invalid)"
        )
    return read


def _from_masses(
    masses: npt.NDArray[np.uint64], codes: npt.NDArray[np.int64] | None, classes: tuple[Any, ...] | None
) -> SystematicTable:
    table = SystematicTable.__new__(SystematicTable)
    table._source = None
    table._build(masses, codes, classes)
    return table
