"""Buffers in huge pages, so that address translation does not blur what is compared."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt


def huge_array(length: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A zeroed array of shape (length,) in huge pages where the system grants them.

    The memory is page-aligned, already touched, and freed with the last array that refers to it.
    """
    kind = np.dtype(dtype)
    memory = mmap.mmap(-1, max(1, length * kind.itemsize), flags=mmap.MAP_PRIVATE)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    array = np.frombuffer(memory, dtype=kind, count=length)
    array.fill(0)
    return array
