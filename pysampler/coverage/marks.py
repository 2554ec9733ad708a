"""A bitmap of items: which ones have come."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from pysampler import _core
from pysampler.inputs.indices import IndexArray

Words = NDArray[np.uint64]
Counts = NDArray[np.uint16]

MOST_COUNTED = 65535  # counts stop there
CHUNK = 2**22  # items looked at together; a multiple of 64


def empty_words(num_items: int) -> Words:
    """A bitmap without marks: item i is bit i % 64 of word i // 64. Memory is taken as it is touched."""
    return np.zeros(-(-num_items // 64), np.uint64)


def mark(indices: IndexArray, words: Words, counts: Counts | None, num_items: int) -> None:
    """Marks indices in ``words``, and adds one to the count of each.

    Raises:
        IndexError: An index outside [0, num_items). Nothing is marked then.
    """
    _core.mark(
        indices.ctypes.data,
        indices.size,
        indices.dtype == np.int64,
        words.ctypes.data,
        0 if counts is None else counts.ctypes.data,
        num_items,
        torch.get_num_threads(),
    )


def mark_draws(
    epochs: list[_core.PassDraws], start: int, count: int, words: Words, counts: Counts | None, num_items: int
) -> None:
    """Marks ``count`` draws from position ``start`` on of each of ``epochs``, drawn again and never listed."""
    _core.mark_draws(
        epochs,
        start,
        count,
        words.ctypes.data,
        0 if counts is None else counts.ctypes.data,
        num_items,
        torch.get_num_threads(),
    )


def find_draws(
    epochs: list[_core.PassDraws], start: int, count: int, wanted: Words, num_items: int
) -> NDArray[np.int64]:
    """Finds the draws of the items marked in ``wanted``, among those that ``mark_draws`` would mark.

    Returns:
        int64 of shape (found, 3): which of ``epochs``, position, item; in this order.
    """
    found = _core.find_draws(epochs, start, count, wanted.ctypes.data, num_items, torch.get_num_threads())
    return np.frombuffer(found, np.int64).reshape(-1, 3)


def count_marked(words: Words, other: Words | None = None) -> int:
    """How many items are marked in ``words``, or in either of two bitmaps. O(N / 64)."""
    return _core.count_bits(
        words.ctypes.data, 0 if other is None else other.ctypes.data, len(words), torch.get_num_threads()
    )


def marked_chunks(words: Words, other: Words | None, num_items: int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yields (first item, whether each of the following is marked) for all items, some millions at a time."""
    for first in range(0, num_items, CHUNK):
        part = words[first // 64 : (first + CHUNK) // 64]
        if other is not None:
            part = part | other[first // 64 : (first + CHUNK) // 64]
        bits = np.unpackbits(part.astype("<u8", copy=False).view(np.uint8), bitorder="little")
        yield first, bits[: num_items - first].view(np.bool_)


def unmarked_items(words: Words, other: Words | None, num_items: int) -> Iterator[NDArray[np.int64]]:
    """Yields the items that are marked in neither bitmap, in ascending order, some millions of items at a time."""
    for first, marked in marked_chunks(words, other, num_items):
        yield np.flatnonzero(~marked) + first


def items_per_count(counts: Counts) -> NDArray[np.int64]:
    """How many items have been counted 0, 1, 2, ... times, up to the largest count there is."""
    result = np.zeros(MOST_COUNTED + 1, np.int64)
    for first in range(0, len(counts), CHUNK):
        part = np.bincount(counts[first : first + CHUNK])
        result[: len(part)] += part
    return result[: int(np.flatnonzero(result)[-1]) + 1]


def add_counts(into: Counts, other: Counts) -> None:
    """Adds counts, stopping at MOST_COUNTED."""
    for first in range(0, len(into), CHUNK):
        part = into[first : first + CHUNK]
        part += np.minimum(other[first : first + CHUNK], MOST_COUNTED - part)
