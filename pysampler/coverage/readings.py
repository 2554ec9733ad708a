"""What can be asked of marks: how many items have come, which have not, how often, and by class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy as np
import torch

from pysampler.coverage import marks
from pysampler.coverage.classes import ClassCoverage, coverage_by_class
from pysampler.coverage.shared_store import SharedStore
from pysampler.coverage.store import CoverageStore
from pysampler.labels.read import Labels
from pysampler.renamed import HasOldNames, Renamed


class CoverageReadings(HasOldNames):
    """The questions that a ``CoverageTracker`` answers. Each may be asked from any thread, at any time.

    Attributes:
        num_items: N. Items are 0, 1, ..., N - 1.
        labels: The classes of the items, or None.
    """

    num_items: int
    labels: Labels | None
    _shared: SharedStore

    def _settled(self) -> AbstractContextManager[CoverageStore]:
        return self._shared.settled()

    @property
    def nbytes(self) -> int:
        """Size of the marks in bytes."""
        return self._shared.store.nbytes

    @property
    def epoch(self) -> int:
        """How many epochs have ended: how often ``new_epoch`` was called."""
        return self._shared.store.epoch

    @property
    def draws(self) -> int:
        """How many indices have come in all, repetitions included."""
        with self._shared.lock:
            return self._shared.store.draws + len(self._shared.pending)

    @property
    def draws_this_epoch(self) -> int:
        """How many indices have come this epoch, repetitions included."""
        with self._shared.lock:
            return self._shared.store.draws_this_epoch + len(self._shared.pending)

    @property
    def unique(self) -> int:
        """How many distinct items have come in all. O(N / 64)."""
        with self._settled() as store:
            return store.unique()

    @property
    def unique_this_epoch(self) -> int:
        """How many distinct items have come this epoch. O(N / 64).

        Raises:
            RuntimeError: The tracker was made with ``epochs=False``.
        """
        if not self.tracks_epochs:
            raise RuntimeError("this tracker does not keep epochs apart: make it with epochs=True")
        with self._settled() as store:
            return store.unique_this_epoch()

    @property
    def tracks_epochs(self) -> bool:
        """Whether ``unique_this_epoch`` is known."""
        return self._shared.store.past is not None

    @property
    def fraction(self) -> float:
        """Share of the items that have come, in [0, 1]. O(N / 64)."""
        return self.unique / self.num_items

    @property
    def fraction_this_epoch(self) -> float:
        """Share of the items that have come this epoch, in [0, 1]. O(N / 64).

        Raises:
            RuntimeError: The tracker was made with ``epochs=False``.
        """
        return self.unique_this_epoch / self.num_items

    def unseen_items(self) -> torch.Tensor:
        """Returns the items that have not come yet: int64 of shape (N - unique,), ascending, on the CPU.

        Cost: O(N), and 8 bytes for each of them; see ``unseen_item_chunks`` for when that is too much.
        """
        chunks = list(self.unseen_item_chunks())
        return torch.cat(chunks) if chunks else torch.empty(0, dtype=torch.int64, device="cpu")

    def unseen_item_chunks(self) -> Iterator[torch.Tensor]:
        """Yields the items that have not come yet in ascending order, in int64 tensors of at most 2^22 entries.

        Items that come while this runs may or may not be in it. O(N) in all.
        """
        with self._settled() as store:
            words, past = store.words, store.past
        for chunk in marks.unmarked_items(words, past, self.num_items):
            if len(chunk):
                yield torch.from_numpy(chunk)

    @property
    def counts(self) -> torch.Tensor:
        """How often each item has come, at most 65535: a copy, int32 of shape (N,) on the CPU. O(N).

        Raises:
            RuntimeError: The tracker was made without ``counts=True``.
        """
        with self._settled() as store:
            return torch.from_numpy(_counts_of(store).astype(np.int32))

    def items_per_count(self) -> torch.Tensor:
        """Returns how many items have come 0, 1, 2, ... times: int64 of shape (largest count + 1,), summing to N.

        Items that came 65535 times or more often are counted in entry 65535. O(N).

        Raises:
            RuntimeError: The tracker was made without ``counts=True``.
        """
        with self._settled() as store:
            return torch.from_numpy(marks.items_per_count(_counts_of(store)))

    def class_coverage(self) -> ClassCoverage:
        """Returns coverage by class. O(N).

        Raises:
            RuntimeError: The tracker was made without ``labels``.
        """
        if self.labels is None:
            raise RuntimeError("this tracker knows no classes: make it with labels=")
        with self._settled() as store:
            return coverage_by_class(store.words, store.past, store.counts, self.labels)

    never_seen = Renamed("unseen_items")
    never_seen_chunks = Renamed("unseen_item_chunks")
    per_class = Renamed("class_coverage")


def _counts_of(store: CoverageStore) -> marks.Counts:
    if store.counts is None:
        raise RuntimeError("this tracker does not count how often items come: make it with counts=True")
    return store.counts
