"""What this process has handed out of a source's stream: for sources that may change only what comes after."""

from __future__ import annotations

import threading
import weakref
from typing import Any, NamedTuple

from pysampler import _core


class HandedOut(NamedTuple):
    """What one iterator has handed out, at any time.

    Positions are those of all epochs: e * k + i in epoch e of k draws.

    Attributes:
        first: The first position that is this rank's.
        step: How far its next one is.
        end: Where the epoch ends: from there on there is padding, which stands at no position.
        progress: How many indices the iterator has handed out.
        iterator: The iterator, which this does not keep alive.
    """

    first: int
    step: int
    end: int
    progress: _core.HandedOut
    iterator: weakref.ref[Any]

    def next_position(self) -> int:
        """Returns 1 + the last position handed out; 0 if there is none."""
        most = -(-(self.end - self.first) // self.step)
        taken = min(self.progress.count, most)
        return self.first + (taken - 1) * self.step + 1 if taken > 0 else 0


class Front:
    """How far this process has come in a source's stream, over all iterators that draw from it.

    Nothing is known of other processes: of other ranks, or of workers that iterate a copy.
    """

    def __init__(self, position: int = 0) -> None:
        self._floor = position
        self._running: list[HandedOut] = []
        self._lock = threading.RLock()  # samplers begin passes on any thread; signal handlers may ask meanwhile

    def watch(self, handed_out: HandedOut) -> None:
        """Takes an iterator into account, from now on and after its end."""
        with self._lock:
            self._settle()
            self._running.append(handed_out)

    def restart(self, position: int) -> None:
        """Notes that the stream goes on at ``position``, whatever was handed out before a state was loaded."""
        with self._lock:
            self._floor, self._running = position, []

    def position(self) -> int:
        """Returns the first position from which on nothing has been handed out."""
        with self._lock:
            return max([self._floor, *(running.next_position() for running in self._running)])

    def _settle(self) -> None:
        """Keeps of iterators that are gone no more than how far they came."""
        # Whether they are gone is asked first: what they tell then is final.
        gone = [running for running in self._running if running.iterator() is None]
        self._floor = max([self._floor, *(running.next_position() for running in gone)])
        self._running = [running for running in self._running if running not in gone]
