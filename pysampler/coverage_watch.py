"""Stand-ins for samplers that report what they yield."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch.utils.data

MOST_PENDING = 4096


@dataclass(frozen=True)
class Report:
    """Where what is yielded is reported to.

    Attributes:
        items: Indices lie in [0, items).
        pending: Takes ints that do, as long as there are fewer than MOST_PENDING; who asks for them takes them away.
        take: Takes everything else, before it is yielded; raises if it is no index.
    """

    items: int
    pending: list[int]
    take: Callable[[Any], None]


class WatchedSampler(torch.utils.data.Sampler[Any]):
    """Yields what another sampler yields, and reports it. Made by ``CoverageTracker.watch``.

    What it does not have itself it asks the other one for, and it sets attributes there.
    """

    _OWN = frozenset({"watched_sampler", "_report"})

    def __init__(self, sampler: Any, report: Report) -> None:
        self.watched_sampler = sampler
        self._report = report

    def __iter__(self) -> Iterator[Any]:
        return _WatchedIterator(iter(self.watched_sampler), self._report)

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
    __slots__ = ("_items", "_iterator", "_pending", "_report")

    def __init__(self, iterator: Iterator[Any], report: Report) -> None:
        self._iterator = iterator
        self._report = report
        self._pending = report.pending
        self._items = report.items

    def __next__(self) -> Any:
        drawn = next(self._iterator)
        # Most of what there is to do for an int, done here: a call would double its cost.
        if type(drawn) is int and 0 <= drawn < self._items and len(self._pending) < MOST_PENDING:
            self._pending.append(drawn)
        else:
            self._report.take(drawn)
        return drawn

    def __getattr__(self, name: str) -> Any:
        if name in self.__slots__ or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._iterator, name)  # state_dict, load_state_dict


def watched(sampler: Any, report: Report) -> WatchedSampler:
    """Returns a stand-in for ``sampler`` that reports all it yields, before it yields it.

    Raises:
        TypeError: ``sampler`` cannot be iterated, or is a DataLoader.
    """
    if isinstance(sampler, torch.utils.data.DataLoader):
        raise TypeError("a DataLoader yields data, no indices: watch its sampler or batch_sampler before making it")
    if not hasattr(type(sampler), "__iter__"):
        raise TypeError(f"only what yields indices can be watched, but got {type(sampler).__name__}")
    if isinstance(sampler, torch.utils.data.DistributedSampler):
        return WatchedDistributedSampler(sampler, report)
    return WatchedSampler(sampler, report)
