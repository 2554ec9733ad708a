"""Passes over a sampler: which epoch one takes, and where it starts."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pysampler.inputs.numbers import MAX_EPOCH, epoch_number


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


@dataclass(frozen=True)
class _Turn:
    """Which pass comes next, and why: in turn, loaded from a state, pinned by ``set_epoch``, or both of these."""

    where: Pass
    loaded: bool = False
    pinned: bool = False


class Passes:
    """Counts passes.

    A pass begins at an iterator's first ``next``; ``iter()`` alone has no effect, for loaders call it twice. It takes
    the epoch that ``set_epoch`` pinned or the position that ``load`` left, else the epoch after the last begun. So no
    way of leaving a loop early replays an epoch.
    """

    def __init__(self) -> None:
        self._next = _Turn(Pass(0))
        self._lock = threading.Lock()

    @property
    def upcoming(self) -> Pass:
        """The pass that begins next."""
        return self._next.where

    @property
    def pending(self) -> bool:
        """Whether the upcoming pass was asked for (pinned or loaded) rather than merely being the next in turn."""
        return self._next.loaded or self._next.pinned

    @property
    def loaded(self) -> bool:
        """Whether the upcoming pass goes on from a loaded state."""
        return self._next.loaded

    @property
    def pinned(self) -> bool:
        """Whether ``set_epoch`` has said which epoch the upcoming pass is of."""
        return self._next.pinned

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass. A loaded position stays if it is of that epoch, and is dropped otherwise."""
        number = epoch_number(epoch)
        with self._lock:
            before = self._next
            kept = before.loaded and before.where.epoch == number
            self._next = replace(before, pinned=True) if kept else _Turn(Pass(number), pinned=True)
        if before.loaded and not kept:
            dropped = before.where
            warnings.warn(
                f"set_epoch({number}) drops the loaded state, which would have gone on in epoch {dropped.epoch} at "
                f"position {dropped.position}: call set_epoch({dropped.epoch}) to keep it",
                stacklevel=3,
            )

    def load(self, where: Pass) -> None:
        """Makes the next pass go on from ``where``."""
        with self._lock:
            self._next = _Turn(where, loaded=True)

    def take_over(self, where: Pass) -> None:
        """Notes that an iterator goes on from ``where`` by itself: the next pass is the one after."""
        with self._lock:
            self._next = _Turn(Pass(where.epoch + 1))

    def begun_elsewhere(self, where: Pass) -> None:
        """Notes that an iterator has begun from ``where`` by itself: if loaded here too, it is not repeated."""
        with self._lock:
            if self._next.loaded and self._next.where == where:
                self._next = _Turn(Pass(where.epoch + 1))

    @contextmanager
    def begin(self) -> Iterator[Pass]:
        """Begins the pass that starts where this says.

        If the block raises, nothing has begun: the pass comes next again, unless another one was begun or asked for
        meanwhile.
        """
        with self._lock:
            before = self._next
            if before.where.epoch > MAX_EPOCH:
                raise ValueError("epoch must be below 2^48: call set_epoch")
            following = self._next = _Turn(Pass(before.where.epoch + 1))
        try:
            yield before.where
        except BaseException:
            with self._lock:
                if self._next is following:
                    self._next = before
            raise

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
