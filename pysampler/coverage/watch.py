"""Stand-ins for samplers that report what they yield."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch.utils.data

MOST_PENDING = 4096


class Watcher(Protocol):
    """Who is told what is yielded: a CoverageTracker."""

    num_items: int
    """Indices lie in [0, num_items)."""

    @property
    def _pending(self) -> list[int]:
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
        iterator = iter(self.watched_sampler)
        kind = _StatefulIterator if _is_stateful(iterator) else _WatchedIterator
        return kind(iterator, self._watcher)

    def __len__(self) -> int:
        return len(self.watched_sampler)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.watched_sampler!r})"

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


class _PassesStateOn:
    """Real methods: from Python 3.12 on, checks against protocols do not see what ``__getattr__`` would find."""

    watched_sampler: Any

    def state_dict(self, *args: Any, **more: Any) -> Any:
        """The watched sampler's."""
        return self.watched_sampler.state_dict(*args, **more)

    def load_state_dict(self, state: Any) -> None:
        """Loads the watched sampler's."""
        self.watched_sampler.load_state_dict(state)


class WatchedStatefulSampler(_PassesStateOn, WatchedSampler):
    """The same for a sampler that can be resumed."""


class WatchedStatefulDistributedSampler(_PassesStateOn, WatchedDistributedSampler):
    """The same for a DistributedSampler that can be resumed."""


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


class _StatefulIterator(_WatchedIterator):
    __slots__ = ()

    def state_dict(self) -> Any:
        return self._iterator.state_dict()  # type: ignore[attr-defined]

    def load_state_dict(self, state: Any) -> None:
        self._iterator.load_state_dict(state)  # type: ignore[attr-defined]


def _is_stateful(source: Any) -> bool:
    return hasattr(source, "state_dict") and hasattr(source, "load_state_dict")


def watched(sampler: Any, watcher: Watcher) -> WatchedSampler:
    """Returns a stand-in for ``sampler`` that reports all it yields, before it yields it.

    Raises:
        TypeError: ``sampler`` cannot be iterated, or is a DataLoader.
    """
    if isinstance(sampler, torch.utils.data.DataLoader):
        raise TypeError("a DataLoader yields data, no indices: watch its sampler or batch_sampler before making it")
    if not hasattr(type(sampler), "__iter__"):
        raise TypeError(f"only what yields indices can be watched, but got {type(sampler).__name__}")
    distributed, stateful = isinstance(sampler, torch.utils.data.DistributedSampler), _is_stateful(sampler)
    if distributed:
        return (WatchedStatefulDistributedSampler if stateful else WatchedDistributedSampler)(sampler, watcher)
    return (WatchedStatefulSampler if stateful else WatchedSampler)(sampler, watcher)
