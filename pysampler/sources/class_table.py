"""The class table: a class by its weight, then an item of it uniformly."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch

from pysampler import _core
from pysampler.inputs.listed import by_label
from pysampler.inputs.memory import address_of
from pysampler.inputs.weights import readable, to_tensor
from pysampler.labels.read import read_labels
from pysampler.labels.schemes import Targets, in_class_order, weights_of_classes
from pysampler.sources.alias_table import AliasTable
from pysampler.sources.base import Source, load_same
from pysampler.sources.class_members import ClassMembers
from pysampler.sources.class_table_file import ClassTableParts, read_class_table, write_class_table


class ClassTable(Source):
    """A distribution over [0, N) in which all items of a class are alike: drawn from in constant time.

    The same distribution as ``AliasTable(class_weights[labels])``, by other means: an alias table over the C classes,
    and a uniform pick among the items of the class drawn. So new class weights cost O(C), not O(N)
    (``with_class_weights``), and where every class's items follow one another (sorted labels), nothing but the classes
    is ever read: draws are as fast at any N. Its stream of draws is its own, not that of the ``AliasTable``.

    A class owns an integer mass out of C * 2^32, as close to ``class_weights * counts`` as an ``AliasTable`` over the
    classes comes: zero exactly if its weight is zero or it has no items. A pick deviates from uniform by less than
    count / 2^64.

    Args:
        labels: Whatever ``read_labels`` reads, or what it returned. An item with several labels is a member of each of
            its classes and is drawn with the sum of their weights.
        class_weights: The weight of *an item* of each class, as ``class_weights`` computes them: C numbers in the order
            of the classes (tensor, array, sequence), or a mapping from each class that has items to its number. Finite,
            >= 0, positive for some class with items. Classes without items are never drawn, whatever their weight.

    Cost: about 2.5 ns per draw and thread at any N if the table is ``contiguous``, else a read of memory more; reading
    the labels; 3 to 10 ns per item to group them, 15 to 30 if they are not sorted; 16 bytes per class,
    and 4 per label unless every class's items follow one another. Threads: ``torch.get_num_threads()``.

    Raises:
        ValueError: See ``read_labels``; not one weight per class, an entry that is negative, NaN or infinite, or no
            class with items and a positive weight; an unknown or missing class in a mapping.
        TypeError: See ``read_labels``; weights that are not numbers.

    Example:
        >>> from pysampler import class_weights
        >>> labels = ["Siamese"] * 160 + ["Birman"] * 10
        >>> table = ClassTable(labels, class_weights(labels, dtype=torch.float64))
        >>> table.class_probabilities()
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """

    def __init__(self, labels: Any, class_weights: Any) -> None:
        self._begin(ClassMembers(labels), class_weights)

    def _begin(self, members: ClassMembers, class_weights: Any) -> None:
        weights = _checked_weights(members, class_weights)
        core = _core.ClassTable.build(
            members.core, address_of(weights, "class_weights"), weights.dtype == torch.float64, torch.get_num_threads()
        )
        self._set(members, core)

    def _set(self, members: ClassMembers, core: _core.ClassTable) -> None:
        self._members = members
        self._core = core
        self._fingerprint: str | None = None
        self._path: str | None = None  # of the file that is mapped

    @classmethod
    def from_targets(cls, labels: Any, targets: Targets) -> ClassTable:
        """Makes a table from the share of draws that each class shall have.

        Args:
            labels: As for the constructor, with one label each.
            targets: {"Siamese": 0.1, "Birman": 0.9}, or shares in class order; not negative, summing to one within
                1e-6.

        Raises:
            ValueError: As for the constructor; several labels per item; targets that are negative, do not sum to one,
                name unknown classes, leave classes with items out or ask for draws from classes without items.
            TypeError: See ``read_labels``.
        """
        read = read_labels(labels)
        return cls(read, weights_of_classes(read, "inverse", 0.0, targets))

    def with_class_weights(self, class_weights: Any) -> ClassTable:
        """Returns a table of other class weights over the same members, which the two share. This one stays as it is.

        For weights that change between epochs (deferred or progressive re-balancing).

        Args:
            class_weights: As for the constructor.

        Cost: O(C), whatever N.

        Raises:
            ValueError: As for the constructor.
            TypeError: As for the constructor.
        """
        table = type(self).__new__(type(self))
        table._begin(self._members, class_weights)
        return table

    @property
    def num_items(self) -> int:
        """How many items there are."""
        return len(self._members)

    def __repr__(self) -> str:
        return f"ClassTable({len(self)} items, {len(self.classes)} classes)"

    @property
    def classes(self) -> tuple[Any, ...]:
        """What each class is called, C entries in the order of the weights."""
        return self._members.classes

    @property
    def class_counts(self) -> torch.Tensor:
        """How many items each class has: int64 of shape (C,)."""
        return torch.from_numpy(self._members.counts.copy())

    @property
    def contiguous(self) -> bool:
        """Whether every class's items follow one another, so that draws read the classes only."""
        return self._members.contiguous

    def class_probabilities(self) -> torch.Tensor:
        """Returns what classes are really drawn with: mass / (C * 2^32), float64 of shape (C,), sum 1. O(C)."""
        masses = np.empty(len(self.classes), dtype=np.uint64)
        self._core.classes.masses_into(masses.ctypes.data)
        return torch.from_numpy(masses / (len(self.classes) * 2.0**32))

    def probabilities(self) -> torch.Tensor:
        """Returns what items are really drawn with, a float64 tensor of shape (N,), sum 1.

        Cost: O(N) on one thread.
        """
        return self._members.spread(self.class_probabilities().numpy())

    @property
    def fingerprint(self) -> str:
        """128 bits in hex that tell tables apart: by the masses of classes and by the members. Names do not count.

        O(N) the first time, O(C) for tables that share their members with one that was asked before.
        """
        if self._fingerprint is None:
            classes = self._core.classes.fingerprint(torch.get_num_threads())
            self._fingerprint = _core.combined_fingerprint(classes, self._members.fingerprint)
        return self._fingerprint

    @property
    def nbytes(self) -> int:
        """Size in bytes: 16 per class, and 4 per label unless ``contiguous``."""
        return 8 * len(self.classes) + self._members.nbytes

    def to(self, device: torch.device | str) -> ClassTable:
        """Returns the table on ``device``. Only "cpu" so far.

        Raises:
            RuntimeError: Any other device.
        """
        if torch.device(device).type != "cpu":
            raise RuntimeError(f"class tables draw on the CPU only, not on {device}")
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table to ``path`` in the safetensors format (see ``pysampler.sources.class_table_file``), at once.

        Raises:
            ValueError: Classes called by other than strings and integers.
            OSError: The file cannot be written.
        """
        members = self._members
        entries = memoryview(self._core.classes).cast("B")
        parts = ClassTableParts(len(self), entries, members.ranges(), members.members(), self.classes)
        write_class_table(path, parts, self.fingerprint)

    @classmethod
    def load(cls, path: str | os.PathLike[str], mmap: bool = True, validate: bool = True) -> ClassTable:
        """Reads a table that ``save`` wrote.

        Args:
            path: The file.
            mmap: Map the file instead of reading it: all processes of a machine that do share one copy.
            validate: Check every member and the fingerprint, O(N). Without, loading is O(C): only for files that nobody
                but you writes, for a damaged one could then draw wrongly or crash.

        Raises:
            ValueError: Not such a file, truncated or damaged.
            OSError: The file cannot be read.
        """
        parts, fingerprint = read_class_table(path, mmap)
        name = os.path.abspath(os.fspath(path))
        threads = torch.get_num_threads()
        try:
            core = _core.ClassMembers.over(parts.ranges, parts.members, parts.items, validate, threads)
            entries = _core.ClassTable(_core.Table.over(parts.entries, True, threads), core)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        table = cls.__new__(cls)
        table._set(ClassMembers.around(core, parts.classes), entries)
        if validate and table.fingerprint != fingerprint:
            raise ValueError(f"{name} is damaged: its contents do not match its fingerprint")
        table._fingerprint, table._path = fingerprint, name if mmap else None
        return table

    def epoch(self, key: int, epoch: int, draws: int) -> _core.PassDraws:
        """Returns an epoch's draws by position. Its length, ``draws``, does not matter."""
        return self._core.pass_draws(key, epoch)

    def with_weights(self, weights: Any) -> Source:
        """Returns an ``AliasTable`` of other weights, one per item; a table is returned as it is.

        For other weights of the classes see ``with_class_weights``.
        """
        return weights if isinstance(weights, Source) else AliasTable(weights)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._path is not None:
            return load_same, (ClassTable, self._path, self.fingerprint)
        return _from_parts, (self._members, bytes(self._core.classes))


def _from_parts(members: ClassMembers, entries: bytes) -> ClassTable:
    table = ClassTable.__new__(ClassTable)
    table._set(members, _core.ClassTable(_core.Table.over(entries, True, torch.get_num_threads()), members.core))
    return table


def _checked_weights(members: ClassMembers, class_weights: Any) -> torch.Tensor:
    """Returns contiguous float32 or float64 of shape (C,)."""
    classes, counts = members.classes, members.counts
    named = by_label(class_weights, "class_weights")
    if named is not None:
        class_weights = in_class_order(classes, counts, named, "class_weights")
    tensor = to_tensor(class_weights)
    if tensor.shape != (len(classes),):
        raise ValueError(
            f"class_weights must have one weight per class, {len(classes)}, but their shape is {tuple(tensor.shape)}"
        )
    weights = readable(tensor)
    wrong = torch.nonzero(~(torch.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"class_weights must be finite and >= 0, but that of {classes[first]!r} is {weights[first].item()} "
            f"({len(wrong)} of {len(classes)} are invalid)"
        )
    if not bool(((weights > 0) & torch.from_numpy(counts > 0)).any()):
        raise ValueError("no class that has items has a positive weight, so there is nothing to draw")
    return weights
