"""Stand-ins for samplers that report what they yield."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch.utils.data

MOST_PENDING = 4096


class Watcher(Protocol):
    """Who is told what is yielded: a CoverageTracker."""

    num_items: int
    """Indices lie in [0, num_items)."""

    _pending: list[int]
    """Takes ints that do, as long as there are fewer than MOST_PENDING; the watcher takes them away."""

    def _drawn(self, drawn: Any) -> None:
        """Takes everything else, before it is yielded; raises if it is no index."""


class WatchedSampler(torch.utils.data.Sampler[Any]):
    """Yields what another sampler yields, and reports it. Made by ``CoverageTracker.watch``.

    What it does not have itself it asks the other one for, and it sets attributes there.
    """

    _OWN = frozenset({"watched_sampler", "_watcher"})

    def __init__(self, sampler: Any, watcher: Watcher) -> None:
        self.watched_sampler = sampler
        self._watcher = watcher

    def __iter__(self) -> Iterator[Any]:
        return _WatchedIterator(iter(self.watched_sampler), self._watcher)

    def __len__(self) -> int:
        return len(self.watched_sampler)

    def __getattr__(self, name: str) -> Any:
        # Copying asks an object that has no attributes yet, and must not get the other one's ways of being copied.
        if name in WatchedSampler._OWN or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.watched_sampler, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in WatchedSampler._OWN:
            super().__setattr__(name, value)
        else:
            setattr(self.watched_sampler, name, value)


class WatchedDistributedSampler(WatchedSampler, torch.utils.data.DistributedSampler[Any]):
    """The same for a DistributedSampler. Frameworks would shard anything else once more."""

    def set_epoch(self, epoch: int) -> None:
        """Passes the epoch on."""
        self.watched_sampler.set_epoch(epoch)


class _WatchedIterator(Iterator[Any]):
    __slots__ = ("_items", "_iterator", "_pending", "_watcher")

    def __init__(self, iterator: Iterator[Any], watcher: Watcher) -> None:
        self._iterator = iterator
        self._watcher = watcher
        self._pending = watcher._pending
        self._items = watcher.num_items

    def __next__(self) -> Any:
        drawn = next(self._iterator)
        # Most of what there is to do for an int, done here: a call would double its cost.
        if type(drawn) is int and 0 <= drawn < self._items and len(self._pending) < MOST_PENDING:
            self._pending.append(drawn)
        else:
            self._watcher._drawn(drawn)
        return drawn

    def __getattr__(self, name: str) -> Any:
        if name in self.__slots__ or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._iterator, name)  # state_dict, load_state_dict


def watched(sampler: Any, watcher: Watcher) -> WatchedSampler:
    """Returns a stand-in for ``sampler`` that reports all it yields, before it yields it.

    Raises:
        TypeError: ``sampler`` cannot be iterated, or is a DataLoader.
    """
    if isinstance(sampler, torch.utils.data.DataLoader):
        raise TypeError("a DataLoader yields data, no indices: watch its sampler or batch_sampler before making it")
    if not hasattr(type(sampler), "__iter__"):
        raise TypeError(f"only what yields indices can be watched, but got {type(sampler).__name__}")
    if isinstance(sampler, torch.utils.data.DistributedSampler):
        return WatchedDistributedSampler(sampler, watcher)
    return WatchedSampler(sampler, watcher)
