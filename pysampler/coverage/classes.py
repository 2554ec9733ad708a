"""Coverage by class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysampler.coverage.marks import CHUNK, Counts, Words, marked_chunks
from pysampler.labels.read import Labels
from pysampler.renamed import HasOldNames, Renamed


@dataclass(frozen=True, eq=False)
class ClassCoverage(HasOldNames):
    """Coverage by class: arrays with an entry per class. Made by ``class_coverage`` of a tracker or an audit.

    An item with several labels counts for each of its classes.

    Attributes:
        classes: What each class is called, C names.
        num_items: How many items it has, int64 of shape (C,), as are all that follow.
        unique: How many of them have come.
        unique_this_epoch: How many of them have come this epoch; None if epochs are not tracked.
        draws: How often its items have come in all; an item that came 65535 times or more counts as 65535. None
            without counts.
    """

    classes: tuple[Any, ...]
    num_items: NDArray[np.int64]
    unique: NDArray[np.int64]
    unique_this_epoch: NDArray[np.int64] | None
    draws: NDArray[np.int64] | None

    @property
    def fraction(self) -> NDArray[np.float64]:
        """Share of each class that has come, float64 of shape (C,); NaN for classes without items."""
        with np.errstate(invalid="ignore"):
            return self.unique / self.num_items

    items = Renamed("num_items")


def coverage_by_class(words: Words, past: Words | None, counts: Counts | None, labels: Labels) -> ClassCoverage:
    """Returns the coverage of each class.

    Args:
        words: What has come this epoch, or in all if no epochs are kept.
        past: What had come before this epoch; None if no epochs are kept.
        counts: How often each item has come, or None.
        labels: Of all items.

    Cost: O(N).
    """
    size = len(labels)
    return ClassCoverage(
        labels.classes,
        labels.counts,
        _sums_by_class(labels, marked_chunks(words, past, size)),
        None if past is None else _sums_by_class(labels, marked_chunks(words, None, size)),
        None if counts is None else _sums_by_class(labels, ((i, counts[i : i + CHUNK]) for i in range(0, size, CHUNK))),
    )


def _sums_by_class(labels: Labels, chunks: Iterable[tuple[int, NDArray[Any]]]) -> NDArray[np.int64]:
    """Adds up values by class, given as (first item, values of that and the following items)."""
    result = np.zeros(len(labels.classes), np.int64)
    for first, values in chunks:
        result += _by_class(labels, first, values)
    return result


def _by_class(labels: Labels, first: int, values: NDArray[Any]) -> NDArray[np.int64]:
    """Adds up the values of items first, first + 1, ... by class."""
    end = first + len(values)
    if labels.offsets is None:
        codes = labels.codes[first:end]
    else:
        codes = labels.codes[labels.offsets[first] : labels.offsets[end]]
        values = np.repeat(values, np.diff(labels.offsets[first : end + 1]))
    if values.dtype == np.bool_:
        return np.bincount(codes[values], minlength=len(labels.classes))
    # Sums of some millions of counts are exact in float64.
    return np.bincount(codes, values, minlength=len(labels.classes)).astype(np.int64)
