"""CoverageTracker: which items training has seen, and how often."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pysampler import _core
from pysampler.coverage.ranks import marks_of_all_ranks
from pysampler.coverage.readings import CoverageReadings
from pysampler.coverage.shared_store import SharedStore
from pysampler.coverage.state import CoverageState, read_coverage_file, write_coverage_file
from pysampler.coverage.store import CoverageStore
from pysampler.coverage.watch import WatchedSampler, watched
from pysampler.inputs.indices import flat_indices
from pysampler.inputs.numbers import MAX_COUNT, whole_number
from pysampler.labels.read import read_labels


class CoverageTracker(CoverageReadings):
    """Keeps which of ``num_items`` items have come, this epoch and in all, and optionally how often.

    Feed it what was trained on, ``tracker.update(indices)``, or let it watch a sampler, and call ``new_epoch()``
    between epochs. Fractions are of all items: those of weight zero stay among the unseen.

    Args:
        num_items: N, at least 1.
        counts: Whether to count how often each item came, up to 65535, where counting stops (uint16: with 255, an item
            drawn nine times an epoch would be lost after 28 epochs).
        epochs: Whether to keep the current epoch apart from the whole. Without, ``unique_this_epoch`` is not known.
        labels: For ``class_coverage``: whatever ``read_labels`` reads, one entry per item; or a dataset.

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
        >>> tracker.unique, tracker.fraction, tracker.unseen_items().tolist()
        (2, 0.5, [1, 3])
    """

    def __init__(self, num_items: int, *, counts: bool = False, epochs: bool = True, labels: Any = None) -> None:
        self.num_items = whole_number(num_items, "num_items", 1, MAX_COUNT)
        self.labels = None if labels is None else read_labels(labels)
        if self.labels is not None and len(self.labels) != self.num_items:
            raise ValueError(
                f"labels must have one entry per item, but there are {len(self.labels)} for num_items={self.num_items}"
            )
        self._shared = SharedStore(CoverageStore(self.num_items, counts, epochs))

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
        with self._shared.lock:
            self._shared.store.mark(flat)

    def watch(self, sampler: Any) -> WatchedSampler:
        """Wraps ``sampler``: the wrapper yields the same indices, and marks each as it is yielded.

        Give the wrapper to a DataLoader as ``sampler=`` or ``batch_sampler=``. Of a ``WeightedBatchSampler``, wrap the
        batch sampler itself: it cannot hold a wrapped sampler, since it draws in C++ without asking one.

        Marked is what the loader takes from the sampler, padding of ranks included. With workers that is up to
        ``prefetch_factor * num_workers`` batches more than training has got; to mark exactly what was trained on, call
        ``update`` in the training loop instead.

        Args:
            sampler: Any iterable of indices or batches of indices. The wrapper passes on everything else it offers
                (set_epoch, state_dict, batch_size, ...), and is a DistributedSampler if ``sampler`` is one, so that
                frameworks do not shard it again.

        Cost: about 0.2 us for each index or, of a batch sampler, for each batch, plus the cost of ``update``.

        Raises:
            TypeError: ``sampler`` cannot be iterated, or is a DataLoader.
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
        with self._settled() as store:
            store.check_fits(state)
            store.add(state)

    def merged_over_ranks(self, group: Any = None) -> CoverageTracker:
        """Returns a new tracker of what all ranks of a ``torch.distributed`` group have seen; this one is unchanged.

        A collective call: every rank makes it, after the same number of epochs; all get the same. An item counts as
        seen if it has come on any rank; counts and draws are added up. Without a process group, a copy.

        Args:
            group: As for ``torch.distributed``; by default all ranks.

        Cost: N / 8 bytes over the network for each bitmap, 4 N for counts.

        Raises:
            ValueError: The ranks' trackers differ in num_items, counts, epochs or the current epoch (on all ranks).
        """
        return CoverageTracker._of(marks_of_all_ranks(self._state(), group), self.labels)

    def state_dict(self) -> dict[str, Any]:
        """Returns everything but the labels, for checkpoints: ints, a checksum and tensors (copies). O(N)."""
        return self._state().to_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replaces what this tracker has seen by what ``state_dict`` returned. Its labels stay as they are.

        Raises:
            ValueError: A state of another number of items or of a newer version, one without the counts or epochs that
                this tracker keeps, or a damaged one. The tracker is then unchanged.
        """
        checked = CoverageState.from_dict(state)
        with self._settled() as store:
            store.check_fits(checked)
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
        state = self._state()
        return CoverageTracker._of, (state, self.labels, state.checksum())

    @classmethod
    def _of(cls, state: CoverageState, labels: Any, checksum: str | None = None) -> CoverageTracker:
        state.check(checksum)
        tracker = cls(state.num_items, labels=labels)
        tracker._shared = SharedStore(CoverageStore.of(state))
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

    @property
    def _pending(self) -> list[int]:
        """Where a watched sampler puts ints that are in range, as long as there are few."""
        return self._shared.pending

    def _drawn(self, drawn: Any) -> None:
        """Takes what else a watched sampler yields: batches, and ints once there are many, or out of range."""
        if type(drawn) is not int:
            self.update(drawn)
            return
        if not 0 <= drawn < self.num_items:
            raise IndexError(f"indices must lie in [0, {self.num_items}), but the watched sampler yielded {drawn}")
        with self._settled():
            self._pending.append(drawn)
