"""Systematic sampling: weighted draws that cover the data as evenly as draws can."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pysampler import _core
from pysampler.inputs.numbers import whole_number
from pysampler.keys import stream_range
from pysampler.labels.read import Labels, read_labels
from pysampler.share import Share
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.base import Source
from pysampler.sources.class_table import ClassTable

MAX_DRAWS = 2**54  # of one epoch
MAX_BATCH_SIZE = 2**24


class SystematicTable(Source):
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

    With strata and a ``global_batch_size``, each global batch is a small copy of the classes; see ``draw``.

    Args:
        weights: As for ``AliasTable``, or one, whose masses are taken; it is not kept. Or a ``ClassTable``, which is
            kept: its members are shared, and memory is needed for its classes alone, 36 bytes each. Every member of a
            class then has exactly the same mass, as close to what the ClassTable draws with as whole units allow. Of
            items with several labels, the promises hold for each label's part by itself.
        strata: The class of each item: whatever ``read_labels`` reads, one label per item. Needed for such batches.

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

    method = "systematic"
    one_key = True
    _unbound: SystematicTable | None = None

    def __init__(self, weights: Any, strata: Any = None, *, labels: Any = None) -> None:
        if labels is not None:
            if strata is not None:
                raise TypeError("strata are given twice, by their name and by that which they had before, labels=")
            warnings.warn("SystematicTable(labels=) is now called strata=", DeprecationWarning, stacklevel=2)
            strata = labels
        self._source: ClassTable | None = None
        if isinstance(weights, ClassTable):
            if strata is not None:
                raise ValueError("a ClassTable has its strata, the classes: leave out strata=")
            self._build_over(weights)
            return
        alias = weights if isinstance(weights, AliasTable) else AliasTable(weights)
        read = None if strata is None else _one_label_each(strata, len(alias))
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

    @property
    def num_items(self) -> int:
        """How many items there are."""
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
        dtype: torch.dtype | None = None,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Draws the indices at positions ``start, start + step, ...`` of an epoch.

        Each is a pure function of (table, seed, epoch, draws, global_batch_size, position): any threads, processor or
        splitting into calls gives the same.

        With a ``global_batch_size`` B, the positions [b B, (b + 1) B) are global batch b, and the count of each class
        in it differs from B times the class's share by less than 1. If B does not divide ``draws``, by less than
        1 + B / draws; in the last, smaller batch from its own size times the share by less than 2. Which items
        share a batch differs from epoch to epoch. The counts of whole epochs are as exact as without batches.

        Args:
            n: See ``Source.draw``, as for all that is not named here.
            seed: The promises over epochs are for one seed.
            epoch: See ``Source.draw``.
            start: See ``Source.draw``.
            step: See ``Source.draw``.
            draws: How many draws the whole epoch has, in [1, 2^54]; by default N.
            global_batch_size: The global batch size, over all ranks, in [1, draws] and at most 2^24. Needs strata.
                Loaders may take it in equal parts, as when gradients are accumulated.
            dtype: See ``Source.draw``.
            out: See ``Source.draw``.

        Cost: some 4 to 10 times an AliasTable's draw. With a batch size, 16 bytes and some 20 ns for
        each unit of it per call.

        Raises:
            ValueError: An argument out of range, or a position beyond the epoch; a batch size without strata.
            TypeError: An argument of the wrong type.
        """
        total = whole_number(len(self) if draws is None else draws, "draws", 1, MAX_DRAWS)
        wanted = stream_range(n, seed, epoch, start, step, total)
        return self.in_batches(global_batch_size)._draw(wanted, total, dtype, out)

    def in_batches(self, global_batch_size: Any) -> SystematicTable:
        """Returns the table, drawn from in global batches of this size (None: in none). Shares everything else.

        Raises:
            ValueError: Below 1 or above 2^24; no strata to balance batches by.
            TypeError: Not an int.
        """
        if global_batch_size == self.global_batch_size:
            return self
        if global_batch_size is not None:
            if self._classes is None:
                raise ValueError(
                    f"global_batch_size={global_batch_size} asks for batches that mirror the classes, but there are no "
                    "labels to tell them by: give strata="
                )
            global_batch_size = whole_number(global_batch_size, "global_batch_size", 1, MAX_BATCH_SIZE)
        table = object.__new__(SystematicTable)
        table.__dict__.update(self.__dict__, global_batch_size=global_batch_size, _unbound=self.table)
        return table

    @property
    def table(self) -> SystematicTable:
        """The table itself, drawn from in no batches."""
        return self._unbound or self

    def check_draws(self, draws: Any) -> None:
        """Raises ValueError or TypeError unless an epoch can have ``draws`` draws: an int in [1, 2^54].

        With batches, at least as many as make one.
        """
        total = whole_number(draws, "draws", 1, MAX_DRAWS)
        if self.global_batch_size is not None and self.global_batch_size > total:
            raise ValueError(
                "global_batch_size must not exceed the epoch's draws, but got "
                f"global_batch_size={self.global_batch_size}, draws={total}"
            )

    def check_share(self, draws: int, share: Share) -> None:
        """Warns if draws are left out."""
        left_out = draws - share.count(0, draws) * share.world
        if left_out > 0:
            nearest = " or ".join(map(str, share.nearest_whole(draws)))
            warnings.warn(
                f"drop_last leaves out {left_out} of the epoch's {draws} draws, so items may be missed for longer than "
                f"method='systematic' promises: take num_samples={nearest}",
                stacklevel=2,
            )

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Returns an epoch's draws by position."""
        self.check_draws(draws)
        return _core.SystematicDraws(self._core, key, epoch, draws, self.global_batch_size or 0)

    def with_weights(self, weights: Any) -> SystematicTable:
        """Returns a table of other weights for the same items, classes and batches; a SystematicTable as it is.

        Raises:
            ValueError: More or fewer weights than items; see ``AliasTable``.
            TypeError: See ``AliasTable``.
        """
        if isinstance(weights, ClassTable):
            weights = SystematicTable(weights)
        if isinstance(weights, SystematicTable):
            return weights.in_batches(self.global_batch_size)
        if self._source is not None:
            raise ValueError("this table was made of a ClassTable: make another from source.with_class_weights(...)")
        alias = weights if isinstance(weights, AliasTable) else AliasTable(weights)
        if len(alias) != len(self) and self._classes is not None:
            raise ValueError(f"there must be one weight per label, but there are {len(alias)} for {len(self)} labels")
        table = _from_masses(_masses_of(alias), self._codes(), self._classes)
        return table.in_batches(self.global_batch_size)

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
            return _from_class_table, (self._source, self.global_batch_size)
        return _from_masses, (_masses_of(self), self._codes(), self._classes, self.global_batch_size)


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
    masses: npt.NDArray[np.uint64],
    codes: npt.NDArray[np.int64] | None,
    classes: tuple[Any, ...] | None,
    global_batch_size: int | None = None,
) -> SystematicTable:
    table = SystematicTable.__new__(SystematicTable)
    table._source = None
    table._build(masses, codes, classes)
    return table.in_batches(global_batch_size)


def _from_class_table(source: ClassTable, global_batch_size: int | None) -> SystematicTable:
    return SystematicTable(source).in_batches(global_batch_size)
