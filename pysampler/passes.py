"""Passes over a sampler: which epoch one takes, and where it starts."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from typing import Any

from pysampler.arguments import MAX_EPOCH, epoch_number


@dataclass(frozen=True)
class Pass:
    """A pass, and how far it has come.

    Attributes:
        epoch: Its epoch.
        position: How many of the epoch's draws have been handed out, over all ranks.
        key: The 64-bit key of its stream; None if it has none yet, for it is taken from a generator at the beginning.
    """

    epoch: int
    position: int = 0
    key: int | None = None


class Passes:
    """Counts passes.

    A pass begins at an iterator's first ``next``; ``iter()`` alone has no effect, for loaders call it twice. It takes
    the epoch that ``set_epoch`` pinned or the position that ``load`` left, else the epoch after the last begun. So no
    way of leaving a loop early replays an epoch.
    """

    def __init__(self) -> None:
        self._next = Pass(0)
        self._loaded = False
        self._pending = False
        self._lock = threading.Lock()

    @property
    def upcoming(self) -> Pass:
        """The pass that begins next."""
        return self._next

    @property
    def pending(self) -> bool:
        """Whether the upcoming pass was asked for (pinned or loaded) rather than merely being the next in turn."""
        return self._pending

    @property
    def pinned(self) -> bool:
        """Whether the upcoming pass is one that ``set_epoch`` asked for, and not one that was loaded."""
        return self._pending and not self._loaded

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass. A loaded position stays if it is of that epoch, and is dropped otherwise."""
        number = epoch_number(epoch)
        with self._lock:
            loaded, kept = self._next, self._next.epoch == number
            dropped = self._loaded and not kept
            if not (self._loaded and kept):
                self._next, self._loaded = Pass(number), False
            self._pending = True
        if dropped:
            warnings.warn(
                f"set_epoch({number}) drops the loaded state, which would have gone on in epoch {loaded.epoch} at "
                f"position {loaded.position}: call set_epoch({loaded.epoch}) to keep it",
                stacklevel=3,
            )

    def load(self, where: Pass) -> None:
        """Makes the next pass go on from ``where``."""
        with self._lock:
            self._next, self._loaded, self._pending = where, True, True

    def take_over(self, where: Pass) -> None:
        """Notes that an iterator goes on from ``where`` by itself: the next pass is the one after."""
        with self._lock:
            self._next, self._loaded, self._pending = Pass(where.epoch + 1), False, False

    def begin(self) -> Pass:
        """Begins a pass and returns where it starts."""
        with self._lock:
            begun = self._next
            if begun.epoch > MAX_EPOCH:
                raise ValueError("epoch must be below 2^48: call set_epoch")
            self._next, self._loaded, self._pending = Pass(begun.epoch + 1), False, False
            return begun

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
