"""What a tracker has marked, and the arithmetic of it. Knows no threads: whoever uses it holds a lock."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from pysampler import _core
from pysampler.coverage import marks
from pysampler.coverage.state import CoverageState
from pysampler.inputs.indices import IndexArray

Array = TypeVar("Array", marks.Words, marks.Counts)


class CoverageStore:
    """Marks of one epoch and of all, and counts.

    With epochs, an index is marked once all the same: in ``words``, which ``end_epochs`` adds to ``past``.
    """

    def __init__(self, num_items: int, counts: bool, epochs: bool) -> None:
        self.num_items = num_items
        self.words = marks.empty_words(num_items)
        self.past = marks.empty_words(num_items) if epochs else None
        self.counts = np.zeros(num_items, np.uint16) if counts else None
        self.epoch = 0
        self.draws = 0
        self.draws_this_epoch = 0

    @classmethod
    def of(cls, state: CoverageState) -> CoverageStore:
        """A store that takes over the arrays of ``state``, or copies of those that must not be written to.

        Unpickled arrays may lie in memory that others read (Ray) or that cannot be written to.
        """
        store = cls(state.num_items, False, False)
        if state.seen_this_epoch is None:
            store.words = _own(state.seen)
        else:
            store.past, store.words = _own(state.seen), _own(state.seen_this_epoch)
        store.counts = None if state.counts is None else _own(state.counts)
        store._set_numbers(state)
        return store

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        return sum(part.nbytes for part in (self.words, self.past, self.counts) if part is not None)

    def mark(self, indices: IndexArray) -> None:
        """Marks indices. IndexError, and nothing is marked, if one is out of range."""
        marks.mark(indices, self.words, self.counts, self.num_items)
        self._add_draws(indices.size)

    def mark_draws(self, epochs: list[_core.PassDraws], start: int, count: int) -> None:
        """Marks ``count`` draws from position ``start`` on of each of ``epochs``, never listing them."""
        marks.mark_draws(epochs, start, count, self.words, self.counts, self.num_items)
        self._add_draws(len(epochs) * count)

    def end_epochs(self, count: int) -> None:
        """Moves what has come to the past."""
        if self.past is not None:
            np.bitwise_or(self.past, self.words, out=self.past)
            self.words.fill(0)
        self.epoch += count
        self.draws_this_epoch = 0

    def unique(self) -> int:
        """How many items have come in all."""
        return marks.count_marked(self.words, self.past)

    def unique_this_epoch(self) -> int:
        """How many items have come this epoch, where epochs are kept."""
        return marks.count_marked(self.words)

    def state(self) -> CoverageState:
        """A copy of everything."""
        return CoverageState(
            num_items=self.num_items,
            epoch=self.epoch,
            draws=self.draws,
            draws_this_epoch=self.draws_this_epoch,
            seen=self.words.copy() if self.past is None else self.past | self.words,
            seen_this_epoch=None if self.past is None else self.words.copy(),
            counts=None if self.counts is None else self.counts.copy(),
        )

    def check_fits(self, state: CoverageState) -> None:
        """Raises ValueError unless ``state`` knows, of the same items, all that is kept here."""
        if state.num_items != self.num_items:
            raise ValueError(f"the tracker has num_items={self.num_items}, but the other {state.num_items}")
        for name, own, other in (("counts", self.counts, state.counts), ("epochs", self.past, state.seen_this_epoch)):
            if own is not None and other is None:
                raise ValueError(f"the tracker keeps {name}, but the other does not: make it with {name}=False")

    def restore(self, state: CoverageState) -> None:
        """Replaces everything by a copy of ``state``, which fits."""
        for part in (self.words, self.past, self.counts):
            if part is not None:
                part.fill(0)
        self._set_numbers(state)
        self.draws = self.draws_this_epoch = 0
        self.add(state)

    def add(self, state: CoverageState) -> None:
        """Adds what ``state`` has seen, which fits: this epoch's to this epoch's."""
        if self.past is None:
            self.words |= state.seen
        elif state.seen_this_epoch is not None:
            self.past |= state.seen
            self.words |= state.seen_this_epoch
        if self.counts is not None and state.counts is not None:
            marks.add_counts(self.counts, state.counts)
        self.draws += state.draws
        self.draws_this_epoch += state.draws_this_epoch

    def _add_draws(self, count: int) -> None:
        self.draws += count
        self.draws_this_epoch += count

    def _set_numbers(self, state: CoverageState) -> None:
        self.epoch, self.draws, self.draws_this_epoch = state.epoch, state.draws, state.draws_this_epoch


def _own(array: Array) -> Array:
    return array if array.flags.writeable and array.flags.owndata else array.copy()
