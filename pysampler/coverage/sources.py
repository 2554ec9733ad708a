"""Coverage by source of a mixture, whose items lie one source after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pysampler.coverage.classes import ClassCoverage
from pysampler.coverage.marks import Counts, Words, count_marked


def coverage_by_source(
    words: Words, past: Words | None, counts: Counts | None, names: Sequence[str], sizes: Sequence[int]
) -> ClassCoverage:
    """Returns the coverage of each source.

    Args:
        words: What has come this epoch, or in all if no epochs are kept.
        past: What had come before this epoch; None if no epochs are kept.
        counts: How often each item has come, or None.
        names: Of the sources.
        sizes: Of the sources, in the order of their items.

    Cost: O(N / 64), O(N) with counts. No label per item.
    """
    begins = np.cumsum([0, *sizes]).tolist()
    ranges = list(pairwise(begins))
    return ClassCoverage(
        tuple(names),
        np.array(sizes, np.int64),
        _each(lambda begin, end: _marked_in(words, past, begin, end), ranges),
        None if past is None else _each(lambda begin, end: _marked_in(words, None, begin, end), ranges),
        None if counts is None else _each(lambda begin, end: int(counts[begin:end].sum(dtype=np.int64)), ranges),
    )


def _each(count: Callable[[int, int], int], ranges: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array([count(begin, end) for begin, end in ranges], np.int64)


def _marked_in(words: Words, other: Words | None, begin: int, end: int) -> int:
    """How many of items ``begin`` to ``end - 1`` are marked in either bitmap."""
    if begin == end:
        return 0
    first, last = begin // 64, (end - 1) // 64
    part = slice(first, last + 1)
    whole = count_marked(words[part], None if other is None else other[part])
    before = _word(words, other, first) & ((1 << begin % 64) - 1)
    after = _word(words, other, last) >> ((end - 1) % 64 + 1)
    return whole - before.bit_count() - after.bit_count()


def _word(words: Words, other: Words | None, number: int) -> int:
    return int(words[number]) | (0 if other is None else int(other[number]))
