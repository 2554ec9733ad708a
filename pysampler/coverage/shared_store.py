"""A store of marks that several threads use, and that puts single indices by until it pays to mark them."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator

import numpy as np

from pysampler.coverage.store import CoverageStore


class SharedStore:
    """A ``CoverageStore`` and its lock.

    Attributes:
        store: What is marked. Lacks what is pending.
        lock: To be held by whoever uses the store. Re-entrant: signal handlers may ask while an update runs, on the
            same thread. Replaced after a fork.
        pending: Indices that have come and are not marked yet: marking ints one by one would cost far more. Appending
            to a list needs no lock.
    """

    def __init__(self, store: CoverageStore) -> None:
        self.store = store
        self.lock = threading.RLock()
        self.pending: list[int] = []
        _stores.add(self)

    @contextlib.contextmanager
    def settled(self) -> Iterator[CoverageStore]:
        """Takes the lock, and marks what is pending. Other threads may append meanwhile: that is for the next one."""
        with self.lock:
            count = len(self.pending)
            if count:
                taken = np.array(self.pending[:count], np.int64)
                del self.pending[:count]
                self.store.mark(taken)
            yield self.store


# A fork while another thread is inside ``update`` copies its lock as taken, by a thread that the child does not have.
_stores: weakref.WeakSet[SharedStore] = weakref.WeakSet()


def _renew_locks() -> None:
    for shared in _stores:
        shared.lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_locks)
