"""Epoch numbers: which one a pass over a sampler takes."""

from __future__ import annotations

import threading
from typing import Any

from pysampler.arguments import MAX_EPOCH, epoch_number


class Passes:
    """Counts passes.

    A pass begins at an iterator's first ``next``; ``iter()`` alone has no effect, for loaders call it twice. It takes
    the epoch that ``set_epoch`` pinned, else the one after the last begun. So no way of leaving a loop early replays an
    epoch.
    """

    def __init__(self) -> None:
        self._pinned: int | None = None
        self._last = -1
        self._lock = threading.Lock()

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass. Passes that have begun are unaffected."""
        number = epoch_number(epoch)
        with self._lock:
            self._pinned = number

    def begin(self) -> int:
        """Begins a pass and returns its epoch."""
        with self._lock:
            epoch = self._last + 1 if self._pinned is None else self._pinned
            if epoch > MAX_EPOCH:
                raise ValueError("epoch must be below 2^48: call set_epoch")
            self._pinned = None
            self._last = epoch
            return epoch

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
