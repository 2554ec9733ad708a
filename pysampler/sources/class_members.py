"""Which items belong to each class, grouped once and shared by all that draws by class."""

from __future__ import annotations

import ctypes
from functools import cached_property
from typing import Any

import numpy as np
import torch

from pysampler import _core
from pysampler.inputs.memory import address_of
from pysampler.inputs.weights import MAX_ITEMS
from pysampler.labels.read import MAX_CLASSES, read_labels
from pysampler.labels.schemes import FloatArray
from pysampler.labels.values import IntArray

MAX_PER_CLASS = 2**32 - 1


class ClassMembers:
    """The items of every class. Immutable.

    Where every class's items follow one another (labels sorted in any order of classes), 8 bytes per class; else 4 more
    per label.

    Args:
        labels: Whatever ``read_labels`` reads, or what it returned.

    Attributes:
        classes: What each class is called, C entries in the order of the indices.
        counts: int64 array of shape (C,): how many items each class has. An item with several labels counts for each.

    Raises:
        ValueError: See ``read_labels``; more than 2^32 - 1 items or labels, or 2^24 classes.
        TypeError: See ``read_labels``.
    """

    def __init__(self, labels: Any) -> None:
        read = read_labels(labels)
        codes = np.ascontiguousarray(read.codes, dtype=np.int64)
        offsets = None if read.offsets is None else np.ascontiguousarray(read.offsets, dtype=np.int64)
        if len(codes) > MAX_ITEMS or len(read) > MAX_ITEMS:
            raise ValueError(
                f"there can be at most 2^32 - 1 items and labels, but there are {len(read)} and {len(codes)}"
            )
        if len(read.classes) > MAX_CLASSES:
            raise ValueError(f"there can be at most 2^24 classes, but there are {len(read.classes)}")
        self._set(
            _core.ClassMembers.group(
                codes.ctypes.data,
                len(codes),
                0 if offsets is None else offsets.ctypes.data,
                len(read),
                len(read.classes),
                torch.get_num_threads(),
            ),
            read.classes,
        )

    def _set(self, core: _core.ClassMembers, classes: tuple[Any, ...]) -> None:
        self.core = core
        self.classes = classes
        # Sizes in the low, beginnings in the high halves.
        self.counts: IntArray = (np.frombuffer(self.ranges(), np.uint64) & np.uint64(0xFFFFFFFF)).astype(np.int64)

    @classmethod
    def around(cls, core: _core.ClassMembers, classes: tuple[Any, ...]) -> ClassMembers:
        """Returns the object of a compiled part and the names of its classes."""
        if len(classes) != core.classes:
            raise ValueError(f"there must be one name per class, but there are {len(classes)} for {core.classes}")
        members = cls.__new__(cls)
        members._set(core, classes)
        return members

    def __len__(self) -> int:
        return self.core.items

    @property
    def contiguous(self) -> bool:
        """Whether every class's items follow one another."""
        return self.core.members_address == 0

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return 8 * len(self.classes) + (0 if self.contiguous else 4 * self.core.places)

    def ranges(self) -> memoryview:
        """The memory of the ranges, 8 bytes per class. Valid as long as this object lives."""
        return _memory(self.core.ranges_address, 8 * len(self.classes))

    def members(self) -> memoryview | None:
        """The memory of the members, 4 bytes each, or None if there is none. Valid as long as this object lives."""
        return None if self.contiguous else _memory(self.core.members_address, 4 * self.core.places)

    def spread(self, class_shares: FloatArray) -> torch.Tensor:
        """Returns the shares of classes, of shape (C,), divided evenly among their items: float64 of shape (N,)."""
        shares = np.ascontiguousarray(class_shares, dtype=np.float64)
        result = torch.empty(len(self), dtype=torch.float64, device="cpu")
        self.core.spread_into(address_of(result, "the shares"), shares.ctypes.data)
        return result

    @cached_property
    def fingerprint(self) -> str:
        """128 bits in hex that tell memberships apart. O(N) the first time."""
        return self.core.fingerprint(torch.get_num_threads())

    def __reduce__(self) -> tuple[Any, ...]:
        members = self.members()
        parts = (bytes(self.ranges()), None if members is None else bytes(members), len(self), self.classes)
        return _from_bytes, parts


def _memory(address: int, size: int) -> memoryview:
    return memoryview((ctypes.c_char * size).from_address(address)).cast("B").toreadonly()


def _from_bytes(ranges: bytes, members: bytes | None, items: int, classes: tuple[Any, ...]) -> ClassMembers:
    return ClassMembers.around(_core.ClassMembers.over(ranges, members, items, True, torch.get_num_threads()), classes)
