"""Passes over a sampler: which epoch one takes, where it starts, and where it stands."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pysampler.inputs.numbers import MAX_EPOCH, epoch_number


@dataclass(frozen=True)
class Pass:
    """A pass, and how far it has come.

    Attributes:
        epoch: Its epoch: how many passes came before it, unless ``set_epoch`` said otherwise.
        position: How many of the epoch's draws have been handed out, over all ranks.
        key: The 64-bit key of its stream; None if it has none yet, for it is taken from a generator at the beginning.
        stream_epoch: The epoch of its stream: ``epoch``, or 0 for a pass with a key of its own that nobody pinned, so
            that its draws depend on that key alone. None as long as there is no key.
        pinned: Whether ``set_epoch`` asked for this epoch: then whoever drives the sampler counts epochs, and a
            finished pass that is loaded is followed by what set_epoch says, not by the next epoch.
    """

    epoch: int
    position: int = 0
    key: int | None = None
    stream_epoch: int | None = None
    pinned: bool = False


@dataclass(frozen=True)
class _Turn:
    """Which pass comes next: in turn, pinned, or loaded from a state (``finished``: one that had come to its end)."""

    where: Pass
    loaded: bool = False
    finished: bool = False


class Running(Protocol):
    """An iterator's way through a pass."""

    def where(self) -> Pass:
        """Returns where the pass stands now."""


class Passes:
    """Counts passes, and knows the one begun last.

    A pass begins at an iterator's first ``next``; ``iter()`` alone has no effect, for loaders call it twice. It takes
    the epoch that ``set_epoch`` pinned or the position that ``load`` left, else the epoch after the last begun. So no
    way of leaving a loop early replays an epoch.
    """

    def __init__(self) -> None:
        self._next = _Turn(Pass(0))
        self._running: Running | None = None
        self._copied: Pass | None = None  # where the pass stood that the original of this copy was running
        self._lock = threading.RLock()  # a signal handler may ask in the middle of a change

    @property
    def upcoming(self) -> Pass:
        """The pass that begins next; before it, one that was finished under ``set_epoch`` comes once more, empty."""
        turn = self._next
        return Pass(turn.where.epoch + 1) if turn.finished else turn.where

    @property
    def pending(self) -> bool:
        """Whether the upcoming pass was asked for (pinned or loaded) rather than merely being the next in turn."""
        return self._next.loaded or self._next.where.pinned

    @property
    def epoch(self) -> int:
        """The epoch pinned or loaded last until its pass begins, then that of the running pass; at first 0."""
        standing = self._running.where() if self._running is not None else self._copied
        return self.upcoming.epoch if self.pending or standing is None else standing.epoch

    def running(self, *, counted: bool = False) -> Running | None:
        """Returns the pass that a state tells of: the one begun last, unless another has been asked for since.

        Args:
            counted: Whether the caller has counted what was trained on in the running pass. Then it is that one even
                if ``set_epoch`` has pinned its own epoch again since, as Lightning does.
        """
        turn = self._next
        if self._running is None or not self.pending:
            return self._running
        again = counted and not turn.loaded and turn.where.epoch == self._running.where().epoch
        return self._running if again else None

    def standing(self) -> Pass:
        """Where a sampler stands of whose passes none is running."""
        copied = self._copied
        if copied is not None and not self.pending:
            return copied
        turn = self._next
        return turn.where if turn.finished and turn.where.pinned else self.upcoming

    def set_epoch(self, epoch: int) -> None:
        """Pins the epoch of the next pass. A loaded position stays if it is of that epoch, and is dropped otherwise."""
        number = epoch_number(epoch)
        with self._lock:
            before = self._next
            kept = before.loaded and before.where.epoch == number
            where = replace(before.where, pinned=True) if kept else Pass(number, pinned=True)
            self._next = replace(before, where=where) if kept else _Turn(where)
        if before.loaded and not kept and not before.finished:
            dropped = before.where
            warnings.warn(
                f"set_epoch({number}) drops the loaded state, which would have gone on in epoch {dropped.epoch} at "
                f"position {dropped.position}: load it again, and call set_epoch({dropped.epoch}) or nothing then",
                stacklevel=3,
            )

    def load(self, where: Pass, draws: int) -> None:
        """Makes the next pass go on from ``where`` in its epoch of ``draws`` draws."""
        with self._lock:
            before = self._next.where
            pinned = where.pinned or (before.pinned and before.epoch == where.epoch)
            self._next = _Turn(replace(where, pinned=pinned), loaded=True, finished=where.position == draws)

    def take_over(self, running: Running, where: Pass) -> None:
        """Notes that an iterator goes on from ``where`` by itself: the next pass is the one after."""
        with self._lock:
            self._next = _Turn(Pass(where.epoch + 1))
            self._running, self._copied = running, None

    def begin(self, running: Running, loaded: Pass | None, over: Callable[[Pass], bool]) -> _Beginning:
        """Begins the pass that starts where this says; it is the running one from the block's end on.

        If the block raises, nothing has begun: the pass comes next again, unless another one was begun or asked for
        meanwhile.

        Args:
            running: The iterator.
            loaded: Where the iterator goes on by itself, if it does. If loaded here too, that is not repeated.
            over: Whether too little is left of a pass for anybody to take.
        """
        return _Beginning(self, running, loaded, over)

    @staticmethod
    def _begun(where: Pass, over: Callable[[Pass], bool]) -> Pass:
        if where.position > 0 and not where.pinned and over(where):
            # That epoch is over. (If set_epoch asked for it all the same, the loop counts epochs itself, and gets what
            # is left of this one: nothing.)
            where = Pass(where.epoch + 1)
        if where.epoch > MAX_EPOCH:
            raise ValueError("epoch must be below 2^48: call set_epoch")
        return where

    def __getstate__(self) -> dict[str, Any]:
        # A copy stands where the original stood, but has begun nothing itself.
        running = None if self.pending or self._running is None else self._running.where()
        return {"_next": self._next, "_running": None, "_copied": running or self._copied}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()

    @classmethod
    def restored(cls, turn: Any, copied: Pass | None) -> Passes:
        """Returns passes that stand as those of a pickle of version 1, which kept these two."""
        passes = cls()
        pinned = bool(vars(turn).get("pinned"))
        passes._next = _Turn(replace(_version_2(turn.where), pinned=pinned), loaded=turn.loaded)
        passes._copied = None if copied is None else _version_2(copied)
        return passes


class _Beginning:
    """The block of ``Passes.begin``. A class, because a generator's block takes three times as long to enter."""

    def __init__(self, passes: Passes, running: Running, loaded: Pass | None, over: Callable[[Pass], bool]) -> None:
        self._passes, self._running, self._loaded, self._over = passes, running, loaded, over
        self._before: _Turn | None = None  # what came next until then, and from then on
        self._following: _Turn | None = None

    def __enter__(self) -> Pass:
        passes, loaded = self._passes, self._loaded
        try:
            with passes._lock:
                self._before = self._following = before = passes._next
                where = passes._begun(before.where, self._over) if loaded is None else loaded
                if loaded is None or (before.loaded and _same_place(before.where, loaded)):
                    self._following = _Turn(Pass(where.epoch + 1))
                    passes._next = self._following
            return where
        except BaseException:  # Ctrl-C, after which nobody leaves the block
            self._take_back()
            raise

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        passes = self._passes
        if kind is None:
            passes._running, passes._copied = self._running, None
        else:
            self._take_back()

    def _take_back(self) -> None:
        passes = self._passes
        with passes._lock:
            if self._before is not None and passes._next is self._following:
                passes._next = self._before


def _version_2(where: Pass) -> Pass:
    """A pass of version 1, whose stream had the epoch that it had itself."""
    return replace(where, stream_epoch=None if where.key is None else where.epoch)


def _same_place(first: Pass, second: Pass) -> bool:
    return (first.epoch, first.position, first.key) == (second.epoch, second.position, second.key)
