"""CoverageTracker: which items training has seen, and how often."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from pysampler import _core
from pysampler.coverage import marks
from pysampler.coverage.classes import ClassCoverage, coverage_by_class
from pysampler.coverage.ranks import marks_of_all_ranks
from pysampler.coverage.state import CoverageState, read_coverage_file, write_coverage_file
from pysampler.coverage.store import CoverageStore
from pysampler.coverage.watch import WatchedSampler, watched
from pysampler.inputs.indices import flat_indices
from pysampler.inputs.numbers import MAX_COUNT, whole_number
from pysampler.labels.read import read_labels


class CoverageTracker:
    """Keeps which of ``num_items`` items have come, this epoch and in all, and optionally how often.

    Feed it what was trained on, ``tracker.update(indices)``, or let it watch a sampler, and call ``new_epoch()``
    between epochs. Fractions are of all items: those with weight zero stay among the never seen.

    Args:
        num_items: N, at least 1.
        counts: Whether to count how often each item came, up to 65535, where counting stops (uint16: with 255, an item
            drawn nine times an epoch would be lost after 28 epochs).
        epochs: Whether to keep the current epoch apart from the whole. Without, ``unique_this_epoch`` is not known.
        labels: For ``per_class``: whatever ``read_labels`` reads, one entry per item; or a dataset.

    Memory: N / 8 bytes, once more with epochs, and 2 N with counts: 10^9 items in 125 MB with ``epochs=False``. It is
    taken as items come. Threads: ``torch.get_num_threads()`` for more than 131072 indices at a time.

    Safe to use from several threads. Lives in one process: what a worker process or another rank marks is not seen here
    (see ``merged_over_ranks``).

    Raises:
        ValueError: num_items below 1; not one label per item; see ``read_labels``.
        TypeError: num_items that is no integer.

    Example:
        >>> tracker = CoverageTracker(4)
        >>> tracker.update([0, 2, 2])
        >>> tracker.unique, tracker.fraction, tracker.never_seen().tolist()
        (2, 0.5, [1, 3])
    """

    def __init__(self, num_items: int, *, counts: bool = False, epochs: bool = True, labels: Any = None) -> None:
        self.num_items = whole_number(num_items, "num_items", 1, MAX_COUNT)
        self.labels = None if labels is None else read_labels(labels)
        if self.labels is not None and len(self.labels) != self.num_items:
            raise ValueError(
                f"labels must have one entry per item, but there are {len(self.labels)} for num_items={self.num_items}"
            )
        self._store = CoverageStore(self.num_items, counts, epochs)
        self._pending: list[int] = []  # put by: marking ints one by one would cost far more
        # Signal handlers may ask while an update runs, on the same thread.
        self._lock = threading.RLock()
        _trackers.add(self)

    def __repr__(self) -> str:
        return (
            f"CoverageTracker({self.unique} of {self.num_items} items seen in {self.draws} draws, epoch {self.epoch})"
        )

    def update(self, indices: Any) -> None:
        """Marks ``indices``; one that comes twice counts twice.

        Args:
            indices: An int, a tensor or array of integers, of any shape and device, or lists and tuples of such.

        Cost: near that of the random memory accesses, 1 to 13 ns per index of an int64 or int32 tensor, plus 6 us.
        Another 50 ns per index of a list. Interruptible by Ctrl-C: some of the indices are marked then.

        Raises:
            IndexError: An index outside [0, num_items), negative ones included; names the first, and its place as
                counted through all of ``indices``. Nothing is marked then.
            TypeError: No integers.
        """
        flat = flat_indices(indices)
        with self._lock:
            self._store.mark(flat)

    def watch(self, sampler: Any) -> WatchedSampler:
        """Returns a stand-in for ``sampler`` that yields the same, and marks what it yields.

        Pass it to a DataLoader as ``sampler=`` or ``batch_sampler=``. Whatever batches a sampler in C++ must be inside:
        watch the batch sampler. It counts what was drawn, padding included: with workers, the loader draws
        ``prefetch_factor * num_workers`` batches ahead of training. Where that matters, ``update`` with what was
        trained on. Costs about 0.2 us per index or, for a batch sampler, batch, plus the cost of ``update``.

        Args:
            sampler: Any iterable of indices or batches of indices. Everything else it offers (set_epoch, state_dict,
                batch_size, ...) the stand-in passes on. For a DistributedSampler it is one too, so that frameworks
                leave it alone.

        Raises:
            TypeError: ``sampler`` cannot be iterated.
        """
        return watched(sampler, self)

    def new_epoch(self) -> None:
        """Ends the epoch: what has come so far counts as past. O(N / 64)."""
        self._end_epochs(1)

    def merge(self, other: CoverageTracker) -> None:
        """Adds what another tracker of the same items has seen, for instance on other data loaders: O(N).

        Epochs are added as they stand: this epoch's to this epoch's. Counts add up, to 65535 at most.

        Raises:
            ValueError: Another number of items, or ``other`` keeps no counts or no epochs where this one does, or is
                this one.
            TypeError: ``other`` is no tracker.
        """
        if not isinstance(other, CoverageTracker):
            raise TypeError(f"only a CoverageTracker can be merged, but got {type(other).__name__}")
        if other is self:
            raise ValueError("a tracker cannot be merged with itself: every count would double")
        state = other._state()
        self._store.check_fits(state)
        with self._settled() as store:
            store.add(state)

    def merged_over_ranks(self, group: Any = None) -> CoverageTracker:
        """Returns a new tracker of what all ranks of a ``torch.distributed`` group have seen; this one is unchanged.

        To be called on all ranks, between the same updates; all get the same. Items are united, counts and draws
        added up. Without a process group, a copy.

        Cost: N / 8 bytes over the network for each bitmap, 4 N for counts.

        Raises:
            ValueError: The ranks' trackers differ in num_items, counts, epochs or the current epoch (on all ranks).
        """
        return CoverageTracker._of(marks_of_all_ranks(self._state(), group), self.labels)

    @property
    def nbytes(self) -> int:
        """Size of the marks in bytes."""
        return self._store.nbytes

    @property
    def epoch(self) -> int:
        """How often ``new_epoch`` was called."""
        return self._store.epoch

    @property
    def draws(self) -> int:
        """How many indices have come in all, repetitions included."""
        with self._lock:
            return self._store.draws + len(self._pending)

    @property
    def draws_this_epoch(self) -> int:
        """How many indices have come this epoch, repetitions included."""
        with self._lock:
            return self._store.draws_this_epoch + len(self._pending)

    @property
    def unique(self) -> int:
        """How many distinct items have come in all. O(N / 64), as all that follows but per item where said."""
        with self._settled() as store:
            return store.unique()

    @property
    def unique_this_epoch(self) -> int:
        """How many distinct items have come this epoch.

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
        return self._store.past is not None

    @property
    def fraction(self) -> float:
        """Share of the items that have come, in [0, 1]."""
        return self.unique / self.num_items

    @property
    def fraction_this_epoch(self) -> float:
        """Share of the items that have come this epoch, in [0, 1]."""
        return self.unique_this_epoch / self.num_items

    def never_seen(self) -> torch.Tensor:
        """Returns the items that have not come yet: int64, ascending. 8 bytes for each; O(N)."""
        chunks = list(self.never_seen_chunks())
        return torch.cat(chunks) if chunks else torch.empty(0, dtype=torch.int64, device="cpu")

    def never_seen_chunks(self) -> Iterator[torch.Tensor]:
        """Yields the items that have not come yet in ascending order, in int64 tensors of some millions at most.

        For when 8 bytes for each would be too much. Items that come while this runs may or may not be in it.
        """
        with self._settled() as store:
            words, past = store.words, store.past
        for chunk in marks.unmarked_items(words, past, self.num_items):
            if len(chunk):
                yield torch.from_numpy(chunk)

    @property
    def counts(self) -> torch.Tensor:
        """How often each item has come, at most 65535: an int32 copy of shape (num_items,). O(N).

        Raises:
            RuntimeError: The tracker was made without ``counts=True``.
        """
        with self._settled() as store:
            return torch.from_numpy(_counts_of(store).astype(np.int32))

    def items_per_count(self) -> torch.Tensor:
        """Returns how many items have come 0, 1, 2, ... times: int64 of shape (largest count + 1,), summing to N.

        Whoever came 65535 times or more often is in the last entry. O(N).

        Raises:
            RuntimeError: The tracker was made without ``counts=True``.
        """
        with self._settled() as store:
            return torch.from_numpy(marks.items_per_count(_counts_of(store)))

    def per_class(self) -> ClassCoverage:
        """Returns coverage by class. O(N).

        Raises:
            RuntimeError: The tracker was made without ``labels``.
        """
        if self.labels is None:
            raise RuntimeError("this tracker knows no classes: make it with labels=")
        with self._settled() as store:
            return coverage_by_class(store.words, store.past, store.counts, self.labels)

    def state_dict(self) -> dict[str, Any]:
        """Returns all of it but the labels, as ints and tensors (copies), for ``torch.save`` and checkpoints. O(N)."""
        return self._state().to_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state. Labels stay as they are.

        Raises:
            ValueError: A state of another number of items or of a newer version, one without the counts or epochs that
                this tracker keeps, or a damaged one. The tracker is then unchanged.
        """
        checked = CoverageState.from_dict(state)
        self._store.check_fits(checked)
        with self._settled() as store:
            store.restore(checked)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the state to ``path`` in the safetensors format, replacing it at once.

        Raises:
            OSError: The file cannot be written.
        """
        write_coverage_file(path, self._state())

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, labels: Any = None) -> CoverageTracker:
        """Reads a tracker that ``save`` wrote, with what it kept. Labels are not in the file.

        Raises:
            ValueError: Not such a file, truncated or damaged; labels of another number of items.
            OSError: The file cannot be read.
        """
        return cls._of(read_coverage_file(path), labels)

    def __reduce__(self) -> tuple[Any, ...]:
        return CoverageTracker._of, (self._state(), self.labels)

    @classmethod
    def _of(cls, state: CoverageState, labels: Any) -> CoverageTracker:
        state.check()
        tracker = cls(state.num_items, labels=labels)
        tracker._store = CoverageStore.of(state)
        return tracker

    def _state(self) -> CoverageState:
        with self._settled() as store:
            return store.state()

    def _end_epochs(self, count: int) -> None:
        with self._settled() as store:
            store.end_epochs(count)

    def _mark_draws(self, epochs: list[_core.PassDraws], start: int, count: int) -> None:
        with self._settled() as store:
            store.mark_draws(epochs, start, count)

    def _drawn(self, drawn: Any) -> None:
        """Takes what a watched sampler yields: batches, and ints once there are many, or out of range."""
        if type(drawn) is not int:
            self.update(drawn)
            return
        if not 0 <= drawn < self.num_items:
            raise IndexError(f"indices must lie in [0, {self.num_items}), but the watched sampler yielded {drawn}")
        with self._settled():
            self._pending.append(drawn)

    @contextlib.contextmanager
    def _settled(self) -> Iterator[CoverageStore]:
        """Takes the lock, and marks what is pending. Other threads may append meanwhile: that is for the next one."""
        with self._lock:
            count = len(self._pending)
            if count:
                taken = np.array(self._pending[:count], np.int64)
                del self._pending[:count]
                self._store.mark(taken)
            yield self._store


# A fork while another thread is inside ``update`` copies its lock as taken, by a thread that the child does not have.
_trackers: weakref.WeakSet[CoverageTracker] = weakref.WeakSet()


def _renew_locks() -> None:
    for tracker in _trackers:
        tracker._lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_locks)


def _counts_of(store: CoverageStore) -> marks.Counts:
    if store.counts is None:
        raise RuntimeError("this tracker does not count how often items come: make it with counts=True")
    return store.counts
