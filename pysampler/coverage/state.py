"""What a CoverageTracker knows, as one value: for checkpoints, files, and other ranks.

Its checksum is BLAKE2b, 16 bytes in hex, of the numbers and of the data: files, dicts and pickles have it.

Files are safetensors (see ``pysampler.safetensors_file``) with the bitmaps "seen" and, where epochs are kept,
"seen_this_epoch", dtype U64, shape (ceil(N / 64),), item i in bit i % 64 of word i // 64; and, where counted, "counts",
dtype U16, shape (N,). In ``__metadata__`` are strings: ``format``, ``version``, ``checksum`` (BLAKE2b, 16 bytes in hex,
of the numbers that follow and of the data), ``num_items``, ``epoch``, ``draws``, ``draws_this_epoch``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler.coverage.marks import Counts, Words
from pysampler.inputs.memory import as_array
from pysampler.inputs.numbers import MAX_COUNT, whole_number
from pysampler.inputs.shown import shown
from pysampler.safetensors_file import ExpectedTensor, FileFormat, StoredTensor, read_safetensors, write_safetensors

VERSION = 1
_ITEMS_AT_A_TIME = 2**22
_NUMBERS = ("num_items", "epoch", "draws", "draws_this_epoch")


def _sizes(metadata: Mapping[str, str]) -> dict[str, int]:
    items = int(metadata["num_items"])
    return {"items": items, "words": -(-items // 64)}


FORMAT = FileFormat(
    name="pysampler.coverage",
    version=str(VERSION),
    kind="coverage file",
    metadata={"checksum": "[0-9a-f]{32}", **dict.fromkeys(_NUMBERS, "[0-9]{1,18}")},
    tensors=(
        ExpectedTensor("seen", "U64", ("words",)),
        ExpectedTensor("seen_this_epoch", "U64", ("words",), optional=True),
        ExpectedTensor("counts", "U16", ("items",), optional=True),
    ),
    sizes=_sizes,
)


@dataclass(frozen=True, eq=False)
class CoverageState:
    """A tracker's contents.

    Attributes:
        num_items: N.
        epoch: How often a new epoch was begun.
        draws: Indices that have come, repetitions included.
        draws_this_epoch: The same of the current epoch.
        seen: Bitmap of what has come in all, the current epoch included; uint64 of shape (ceil(N / 64),).
        seen_this_epoch: Bitmap of what has come in the current epoch, or None.
        counts: How often each item came, uint16 of shape (N,), or None.
    """

    num_items: int
    epoch: int
    draws: int
    draws_this_epoch: int
    seen: Words
    seen_this_epoch: Words | None
    counts: Counts | None

    def to_dict(self) -> dict[str, Any]:
        """The same as ints and tensors: bitmaps as int64, counts as int16, holding the same bits.

        Unsigned ones are no dtypes that every torch can save: ``torch.save`` of 2.4 and 2.5 refuses uint16.
        """
        return {
            "version": VERSION,
            **{name: getattr(self, name) for name in _NUMBERS},
            "seen": torch.from_numpy(self.seen.view(np.int64)),
            "seen_this_epoch": None
            if self.seen_this_epoch is None
            else torch.from_numpy(self.seen_this_epoch.view(np.int64)),
            "counts": None if self.counts is None else torch.from_numpy(self.counts.view(np.int16)),
            "checksum": self.checksum(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> CoverageState:
        """What ``to_dict`` returned, checked. ValueError or TypeError if it is something else."""
        try:
            version = state["version"]
            numbers = {name: state[name] for name in _NUMBERS}
            seen, this_epoch, counts = state["seen"], state["seen_this_epoch"], state["counts"]
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"this is no state of a CoverageTracker: {error} is missing") from None
        if type(version) is not int or version != VERSION:
            raise ValueError(f"the state has version {shown(version)}; this pysampler reads version {VERSION}")
        for name, number in numbers.items():
            numbers[name] = whole_number(number, name, 0, MAX_COUNT)
        read = cls(
            **numbers,
            seen=_array(seen, torch.int64, "seen").view(np.uint64),
            seen_this_epoch=None
            if this_epoch is None
            else _array(this_epoch, torch.int64, "seen_this_epoch").view(np.uint64),
            # Older states hold uint16.
            counts=None if counts is None else _array(counts, torch.int16, "counts", torch.uint16).view(np.uint16),
        )
        read.check(state.get("checksum") if isinstance(state, Mapping) else None)  # older states have none
        return read

    def checksum(self) -> str:
        """What tells damaged states: BLAKE2b of everything, 16 bytes in hex."""
        digest = hashlib.blake2b(repr([getattr(self, name) for name in _NUMBERS]).encode(), digest_size=16)
        for array in (self.seen, self.seen_this_epoch, self.counts):
            if array is not None:
                digest.update(array.data)
        return digest.hexdigest()

    def check(self, checksum: Any = None) -> None:
        """Raises ValueError if this cannot be what a tracker holds, or is not what had this checksum; TypeError."""
        for name in _NUMBERS:
            whole_number(getattr(self, name), name, 0, MAX_COUNT)
        if self.num_items < 1:
            raise ValueError(f"num_items must be at least 1, but is {self.num_items}")
        for name, dtype in (("seen", np.uint64), ("seen_this_epoch", np.uint64), ("counts", np.uint16)):
            array = getattr(self, name)
            if name == "seen" or array is not None:
                _check_array(array, dtype, name)
        if self.draws_this_epoch > self.draws:
            raise ValueError(f"there are {self.draws} draws in all, but {self.draws_this_epoch} of them in one epoch")
        words = -(-self.num_items // 64)
        beyond = (2**64 - 1) << (self.num_items % 64 or 64) & (2**64 - 1)
        for name, bitmap in (("seen", self.seen), ("seen_this_epoch", self.seen_this_epoch)):
            if bitmap is None:
                continue
            if bitmap.shape != (words,):
                raise ValueError(f"{name} must have shape ({words},) for {self.num_items} items, not {bitmap.shape}")
            if int(bitmap[-1]) & beyond:
                raise ValueError(f"{name} is damaged: it marks items beyond the last")
        if self.counts is not None and self.counts.shape != (self.num_items,):
            raise ValueError(f"counts must have shape ({self.num_items},), not {self.counts.shape}")
        if self.seen_this_epoch is not None and bool(np.any(self.seen_this_epoch & ~self.seen)):
            raise ValueError("seen is damaged: it lacks items of this epoch")
        self._check_together(checksum)

    def _check_together(self, checksum: Any) -> None:
        if self.counts is not None and not _are_of(self.counts, self.seen):
            raise ValueError("counts and seen do not belong together: an item has come in one and not in the other")
        if checksum is not None and (not isinstance(checksum, str) or checksum != self.checksum()):
            raise ValueError(f"the state is damaged: its checksum is {self.checksum()}, expected {shown(checksum)}")


def write_coverage_file(path: str | os.PathLike[str], state: CoverageState) -> None:
    """Replaces the file at once. OSError if it cannot be written."""
    tensors = {
        name: StoredTensor(dtype, list(array.shape), array.data)
        for name, dtype, array in (
            ("seen", "U64", state.seen),
            ("seen_this_epoch", "U64", state.seen_this_epoch),
            ("counts", "U16", state.counts),
        )
        if array is not None
    }
    metadata = {"format": FORMAT.name, "version": FORMAT.version, "checksum": state.checksum()}
    write_safetensors(path, {**metadata, **{name: str(getattr(state, name)) for name in _NUMBERS}}, tensors)


def read_coverage_file(path: str | os.PathLike[str]) -> CoverageState:
    """Reads what ``write_coverage_file`` wrote. ValueError if the file is another one or damaged, OSError."""
    contents = read_safetensors(path, FORMAT)
    name, data = contents.path, contents.data
    state = CoverageState(
        **{number: int(contents.metadata[number]) for number in _NUMBERS},
        seen=np.frombuffer(data["seen"], np.uint64),
        seen_this_epoch=np.frombuffer(data["seen_this_epoch"], np.uint64) if "seen_this_epoch" in data else None,
        counts=np.frombuffer(data["counts"], np.uint16) if "counts" in data else None,
    )
    if state.checksum() != contents.metadata["checksum"]:
        raise ValueError(f"{name} is damaged: its contents do not match its checksum")
    try:
        state.check()
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return state


def _check_array(array: Any, dtype: Any, name: str) -> None:
    """Raises TypeError unless it can be handed to C++ as it is: pickles may hold anything."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"{name} must be a contiguous array of {np.dtype(dtype)}, but got {type(array).__name__}")


def _are_of(counts: Counts, bitmap: Words) -> bool:
    """Whether exactly those items are counted that are marked."""
    for first in range(0, len(counts), _ITEMS_AT_A_TIME):
        packed = np.packbits(counts[first : first + _ITEMS_AT_A_TIME] != 0, bitorder="little")
        marked = bitmap[first // 64 : (first + _ITEMS_AT_A_TIME) // 64].astype("<u8", copy=False).view(np.uint8)
        if not np.array_equal(packed, marked[: len(packed)]):
            return False
    return True


def _array(tensor: Any, dtype: torch.dtype, name: str, or_dtype: torch.dtype | None = None) -> NDArray[Any]:
    if not isinstance(tensor, torch.Tensor) or tensor.dtype not in (dtype, or_dtype):
        kind = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
        raise ValueError(f"{name} must be a tensor of {dtype}, but is {kind}")
    array: NDArray[Any] = np.ascontiguousarray(as_array(tensor, name))
    return array
