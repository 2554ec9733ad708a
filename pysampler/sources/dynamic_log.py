"""The log of a dynamic table: what its weights were, so that past draws can be drawn again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import Self

from pysampler import _core
from pysampler.inputs.shown import shown
from pysampler.sources.dynamic_log_updates import Changeable, LoggedUpdates

PassKey = tuple[int, int]
"""Key and epoch of a pass's stream."""

_STATE_KEYS = {"base", "limit", "first", "appended", "sizes", "indices", "weights", "passes"}


class Replayed(Changeable, Protocol):
    """A dynamic table on which updates are made again."""

    @property
    def dtype(self) -> torch.dtype: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def draw(self, n: int, *, seed: int, epoch: int, start: int, out: torch.Tensor) -> torch.Tensor: ...  # noqa: D102

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...  # noqa: D102

    def __copy__(self) -> Self: ...


@dataclass(eq=False)
class UpdateLog:
    """What became of a table since a base: step s is the base after s updates.

    Attributes:
        base: A table as it was at step ``first``; its own, without a log.
        limit: How many weights' updates are kept; None keeps all.
        first: The step of the base. Updates before it are gone.
        updates: Those since the base.
        offset: The table's version at a step, less that step.
        passes: Which step the positions of each pass were drawn at.
    """

    base: Replayed
    limit: int | None
    offset: int
    updates: LoggedUpdates
    first: int = 0
    passes: dict[PassKey, _core.DrawRecord] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _redrawn: tuple[PassKey, int, NDArray[np.int64]] | None = None
    _replayed: tuple[int, Replayed] | None = None  # where the last redrawing came to

    @property
    def step(self) -> int:
        """The step the table is at."""
        return self.first + len(self.updates)

    @property
    def nbytes(self) -> int:
        """What updates and draws take, without the base; of draws 16 bytes for each stretch."""
        return self.updates.nbytes + sum(16 * len(record.stretches()) for record in self.passes.values())

    def change(self, indices: NDArray[np.int64] | None, weights: NDArray[Any], change: Callable[[], None]) -> None:
        """Changes the table and notes it, in the same order as others do. The arrays must be the caller's own."""
        with self.lock:
            change()
            if len(weights) > 0:  # else the table's version has not moved
                self.updates.add(indices, weights)
                if self.limit is not None and self.updates.weights > self.limit:
                    self._forget(self.updates.weights - self.limit // 2)

    def _forget(self, weights: int) -> None:
        """Makes the oldest updates part of the base, of at least so many weights."""
        gone = self.updates.ends_after(weights)
        self.updates.make(0, gone, self.base)
        self.updates.forget(gone)
        self.first += gone
        if self._replayed is not None and self._replayed[0] < self.first:
            self._replayed = None
        # A pass that another one has followed and that needs more than is left is never redrawn.
        oldest = self.offset + self.first
        for where in list(self.passes)[:-1]:
            if all(version < oldest for _, version in self.passes[where].stretches()):
                del self.passes[where]

    def open(self, where: PassKey, position: int) -> _core.DrawRecord:
        """Returns the record of a pass that begins, or goes on, at a position: what follows is drawn anew."""
        with self.lock:
            before = self.passes.pop(where, None)
            kept = [] if before is None else [stretch for stretch in before.stretches() if stretch[0] < position]
            self.passes[where] = _core.DrawRecord(kept)
            return self.passes[where]

    def redrawn(self, where: PassKey, epoch: int, draws: int) -> NDArray[np.int64]:
        """Returns what a pass of ``draws`` draws has shown, position by position. O(draws), and the updates up to it.

        Raises:
            ValueError: It was not drawn, or not from its beginning, while this log was kept; or the log has dropped
                what is needed.
        """
        with self.lock:
            if self._redrawn is not None and self._redrawn[:2] == (where, draws) and self._frozen(where):
                return self._redrawn[2]
            record = self.passes.get(where)
            stretches = [] if record is None else record.stretches()
            if not stretches or stretches[0][0] > 0:
                begun = "was not drawn" if not stretches else f"was drawn from position {stretches[0][0]} on only"
                dropped = ", or has been dropped from it" if self.first > 0 else ""
                raise ValueError(
                    f"epoch {epoch} cannot be drawn again: it {begun} while this table's log was kept{dropped}"
                )
            if stretches[0][1] - self.offset < self.first:
                raise ValueError(
                    f"epoch {epoch} cannot be drawn again: the log had to drop the updates before it, for it keeps "
                    f"those of {self.limit} weights only: make the table with a larger log="
                )
            shown = np.empty(draws, dtype=np.int64)
            ends = [position for position, _ in stretches[1:]] + [draws]
            for (begin, version), end in zip(stretches, ends, strict=True):
                if begin < end <= draws:
                    part = torch.from_numpy(shown[begin:end])
                    table = self._table_at(version - self.offset)
                    table.draw(end - begin, seed=where[0], epoch=where[1], start=begin, out=part)
            self._redrawn = (where, draws, shown)
            return shown

    def _frozen(self, where: PassKey) -> bool:
        """Whether a pass is over, for another one has begun since."""
        return next(reversed(self.passes)) != where

    def _table_at(self, step: int) -> Replayed:
        reached, table = self._replayed or (self.first, None)
        if table is None or reached > step:
            reached, table = self.first, self.base.__copy__()
        self.updates.make(reached - self.first, step - self.first, table)
        self._replayed = (step, table)
        return table

    def state(self) -> dict[str, Any]:
        """Returns the log as a dict of numbers and tensors. O(what is kept)."""
        with self.lock:
            return {
                "base": self.base.state_dict(),
                "limit": self.limit,
                "first": self.first,
                **self.updates.state(),
                "passes": [
                    [key, epoch, [[position, version - self.offset] for position, version in record.stretches()]]
                    for (key, epoch), record in self.passes.items()
                ],
            }

    def load(self, state: Mapping[str, Any], fingerprint: str) -> None:
        """Becomes the log of this state, which leads to a table with this fingerprint. The table's version is 0.

        Raises:
            ValueError: It does not, or is damaged otherwise. Nothing is changed.
        """
        try:
            loaded = _read(state, self.base)
            reached = loaded._table_at(loaded.step)
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError, OverflowError) as error:
            raise ValueError(f"the log in the state is damaged: {error}") from None
        if reached.fingerprint != fingerprint:
            raise ValueError("the log in the state is damaged: its updates do not lead to the state's weights")
        self.become(loaded)

    def move_to(self, version: int) -> None:
        """Makes this the log of a table that has this version now."""
        offset = version - self.step
        self.passes = {
            where: _core.DrawRecord([(position, each - self.offset + offset) for position, each in record.stretches()])
            for where, record in self.passes.items()
        }
        self.offset = offset

    def become(self, other: UpdateLog) -> None:
        """Takes over all that another log holds."""
        with self.lock:
            self.base, self.limit, self.offset = other.base, other.limit, other.offset
            self.first, self.updates = other.first, other.updates
            self.passes, self._redrawn, self._replayed = other.passes, None, None


def _read(state: Mapping[str, Any], base: Replayed) -> UpdateLog:
    """Returns the log of a state. Raises whatever comes of it if it is damaged."""
    if set(state) != _STATE_KEYS:
        raise ValueError(f"it must have the entries {sorted(_STATE_KEYS)}")
    table = base.__copy__()
    table.load_state_dict(state["base"])
    limit, first = state["limit"], state["first"]
    if type(first) is not int or first < 0 or not (limit is None or (type(limit) is int and limit > 0)):
        raise ValueError(f"first is {shown(first)} and limit {shown(limit)}")
    updates = LoggedUpdates.of_state(state, base.dtype)
    passes = {}
    for key, epoch, stretches in state["passes"]:
        positions, steps = [position for position, _ in stretches], [step for _, step in stretches]
        if not all(type(number) is int and number >= 0 for number in (key, epoch, *positions, *steps)):
            raise ValueError("passes must hold whole numbers")
        if positions != sorted(set(positions)) or max(steps, default=0) > first + len(updates):
            raise ValueError(f"epoch {epoch} was drawn at steps there are not, or out of order")
        passes[key, epoch] = _core.DrawRecord([(position, step) for position, step in stretches])
    return UpdateLog(table, limit, 0, updates, first, passes)
